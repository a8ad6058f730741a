from __future__ import annotations

import sys

import pytest

from videogen.common.on_demand import modules_on_demand


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "pages_for_test"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "one.py").write_text("name = 'one'")
    (folder / "broken.py").write_text("import a_library_that_nobody_has")
    monkeypatch.syspath_prepend(tmp_path)
    yield modules_on_demand("pages_for_test")
    for name in [each for each in sys.modules if each.startswith("pages_for_test")]:
        del sys.modules[name]


def test_a_module_is_imported_when_it_is_asked_for(package):
    assert "pages_for_test.one" not in sys.modules

    assert package("one").name == "one"


def test_what_is_no_module_is_no_attribute(package):
    with pytest.raises(AttributeError, match="'two'"):
        package("two")


def test_a_module_that_cannot_be_imported_says_why(package):
    with pytest.raises(ModuleNotFoundError, match="a_library_that_nobody_has"):
        package("broken")
