"""The product as a producer meets it: web server, cluster and simulator as processes of a whole
installation, and somebody who is logged in."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, BrowserContext

from .installations import Installation, wait_until, write_story

USER = "producer"
PASSWORD = "a-long-Password-for-tests"


class Site:
    def __init__(self, folder: Path, **environment: str) -> None:
        self.installation = Installation(
            folder,
            DJANGO_DEBUG="1",
            DJANGO_SUPERUSER_PASSWORD=PASSWORD,
            PYTHONUNBUFFERED="1",
            **{"VIDEO_POLL_SECONDS": "0.2", **environment},
        )
        self.installation.keep_warm()
        self.folder = folder
        self.url = ""
        self._cookies: list[dict] = []

    def prepare(self, template: Path | None = None) -> None:
        """template: a database file with all tables; without one, the migrations make them."""
        if template:
            self.installation.begin_with(template)
        else:
            self.installation.manage("migrate")
        self.installation.manage(
            "createsuperuser", "--noinput", f"--username={USER}", "--email=producer@example.org"
        )

    def start(self, *simulator_options: str) -> None:
        self.installation.start_simulator(*simulator_options)
        self.installation.start("work")
        self.start_server()

    def start_server(self) -> None:
        """Only the web server: nothing is rendered."""
        log = self.folder / "runserver.log"
        log.unlink(missing_ok=True)
        self.installation.start("runserver", "--noreload", "127.0.0.1:0")
        wait_until(
            lambda: log.exists() and "http://" in log.read_text(), 60, f"for the web server: {log}"
        )
        line = next(line for line in log.read_text().splitlines() if "http://" in line)
        self.url = line.split()[-1].rstrip("/")

    def close(self) -> None:
        self.installation.close()

    def bring_story(self, story_id: str, shots: int) -> int:
        """Imports a story of that many shots, six a scenelet; returns its primary key."""
        bundle = write_story(self.folder / "bundles", story_id, shots)
        return self.import_bundle(bundle, story_id)

    def import_bundle(self, bundle: Path, story_id: str) -> int:
        self.installation.manage("import_story", str(bundle))
        query = "SELECT id FROM storybook_story WHERE story_id = ?"
        ((pk,),) = self.installation.query(query, story_id)
        return pk

    def shots_of(self, story: int) -> list[int]:
        """The primary keys, in story order."""
        rows = self.installation.query(
            "SELECT shot.id FROM storybook_shot shot"
            " JOIN storybook_scenelet scenelet ON scenelet.id = shot.scenelet_id"
            " WHERE scenelet.story_id = ? ORDER BY scenelet.sequence, shot.shot_index",
            story,
        )
        return [pk for (pk,) in rows]

    def takes_of(self, story: int) -> int:
        ((count,),) = self.installation.query(
            "SELECT count(*) FROM videogen_videorender render"
            " JOIN videogen_renderbatch batch ON batch.id = render.batch_id"
            " WHERE batch.story_id = ? AND render.state = 'done'",
            story,
        )
        return count

    def states_of(self, story_id: str) -> list[str]:
        rows = self.installation.query(
            "SELECT render.state FROM videogen_videorender render"
            " JOIN videogen_renderbatch batch ON batch.id = render.batch_id"
            " JOIN storybook_story story ON story.id = batch.story_id WHERE story.story_id = ?",
            story_id,
        )
        return [state for (state,) in rows]

    def open_browser(self, browser: Browser, **options: object) -> BrowserContext:
        """A browser of its own, logged in: with cookies, cache and storage that nobody shares."""
        context = browser.new_context(base_url=self.url, **options)
        context.set_default_timeout(15_000)
        if self._cookies:
            context.add_cookies(self._cookies)
            return context
        page = context.new_page()
        page.goto("/admin/login/?next=/admin/jsi18n/")
        page.fill("#id_username", USER)
        page.fill("#id_password", PASSWORD)
        page.press("#id_password", "Enter")
        page.wait_for_url("**/jsi18n/")
        page.close()
        self._cookies = context.cookies()
        return context
