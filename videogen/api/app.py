"""The API as django-ninja knows it: its operations, its errors and its description."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from storybook.story_paths import PathError
from videogen.common.errors import VideogenError

from . import batches, events, files, films, plans, renders, shots, spending, stories, takes
from .description import ABOUT, complete
from .problems import ApiProblem, as_response, of_error, problem_of_status

PREFIX = "/api/v1/"


class Api(NinjaAPI):
    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        return complete(super().get_openapi_schema(path_prefix=path_prefix or PREFIX))


api = Api(
    title="videogen",
    version="1.0.0",
    description=ABOUT,
    # Its page would load scripts from elsewhere.
    docs_url=None,
    openapi_url=None,
    urls_namespace="api",
)


def known_names_only(run: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Refuse what the operation does not know in a query, and what is there twice: the one or the
    other would be dropped in silence."""
    operation: Operation = run.__self__  # type: ignore[attr-defined]
    known: set[str] = set()
    for model in operation.models:
        if model.__ninja_param_source__ == "query":
            known |= set(model.__ninja_flatten_map__)

    @wraps(run)
    def checked(request: HttpRequest, **values: Any) -> HttpResponseBase:
        if operation.auth_callbacks and getattr(request, "api_token", None) is None:
            return run(request, **values)  # says that there is no token
        errors = []
        for name, given in request.GET.lists():
            if name not in known:
                errors.append({"place": f"query.{name}", "message": "It is not known here."})
            elif len(given) > 1:
                errors.append({"place": f"query.{name}", "message": "It is there twice."})
        return as_response(_invalid(errors)) if errors else run(request, **values)

    return checked


api.add_decorator(known_names_only, mode="view")
for module in (stories, shots, plans, batches, renders, takes, films, spending, events, files):
    api.add_router("", module.router)


@api.get("/openapi.json", include_in_schema=False, auth=None)
def openapi(request: HttpRequest) -> HttpResponse:
    content = json.dumps(api.get_openapi_schema(), ensure_ascii=False)
    return HttpResponse(content, content_type="application/json; charset=utf-8")


def _invalid(errors: list[dict[str, str]]) -> ApiProblem:
    return ApiProblem(
        422, "invalid", "The request is not as it has to be: see `errors`.", errors=errors
    )


@api.exception_handler(ApiProblem)
def _of_problem(request: HttpRequest, error: ApiProblem) -> HttpResponse:
    return as_response(error)


@api.exception_handler(VideogenError)
def _of_refusal(request: HttpRequest, error: VideogenError) -> HttpResponse:
    return as_response(of_error(error))


@api.exception_handler(PathError)
def _of_path(request: HttpRequest, error: PathError) -> HttpResponse:
    return as_response(ApiProblem(404, str(error.code.value), str(error)))


@api.exception_handler(ValidationError)
def _of_invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    return as_response(
        _invalid(
            [
                {"place": ".".join(map(str, each["loc"])), "message": each["msg"]}
                for each in error.errors
            ]
        )
    )


@api.exception_handler(HttpError)
def _of_http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    return problem_of_status(error.status_code)


@api.exception_handler(Http404)
def _of_missing(request: HttpRequest, error: Http404) -> HttpResponse:
    return problem_of_status(404)


@api.exception_handler(Exception)
def _of_bug(request: HttpRequest, error: Exception) -> HttpResponse:
    raise error  # Django logs it, and the middleware makes a problem of the answer
