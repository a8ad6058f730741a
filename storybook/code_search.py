"""Lists that are searched by the code of a shot, too."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import smart_split

from .models import read_shot_code


class CodeSearchMixin:
    """For a ModelAdmin: a word such as `S03-02` finds the rows of that shot. What else is typed is
    searched for as ever."""

    # Where the shot is: "" of shots themselves, else with "__" at the end.
    code_path = ""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        words = []
        for word in smart_split(search_term):
            if found := read_shot_code(word):
                place, index = found
                queryset = queryset.filter(
                    **{
                        f"{self.code_path}scenelet__place": place,
                        f"{self.code_path}shot_index": index,
                    }
                )
            else:
                words.append(word)
        rest: tuple[QuerySet[Any], bool] = super().get_search_results(  # type: ignore[misc]
            request, queryset, " ".join(words)
        )
        return rest
