"""Nobody adds a model, a column or a document that refers to a story without deciding about it."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.fields import GenericForeignKey
from django.db import models

from storybook.fields import DocumentField
from storybook.models import Story
from videogen.models import Lane, Price
from videogen.story_archives.rows import DOCUMENTS
from videogen.story_archives.tables import LEFT_OUT, TABLE_OF, TABLES

# What rows refer to by a name: see RowWriter and RowReader.
NAMED = {get_user_model(), Lane, Price}


def refers_to_a_story():
    """Every model of ours that leads to a story by its relations, however far."""
    found = {Story}
    while True:
        more = {
            model
            for model in apps.get_models(include_auto_created=True)
            for field in model._meta.get_fields()
            if isinstance(field, models.ForeignKey) and field.related_model in found
        }
        if more <= found:
            return found
        found |= more


def test_every_model_that_refers_to_a_story_is_archived_or_named_as_left_out():
    lists = {
        field.remote_field.through for table in TABLES for field in table.model._meta.many_to_many
    }

    assert refers_to_a_story() == TABLE_OF.keys() | LEFT_OUT.keys() | lists


def test_a_model_that_is_added_is_noticed():
    class Sequel(models.Model):
        story = models.ForeignKey(Story, models.CASCADE)

        class Meta:
            app_label = "videogen"

        def __str__(self) -> str:
            return "Sequel"

    try:
        assert Sequel in refers_to_a_story() - TABLE_OF.keys() - LEFT_OUT.keys()
    finally:
        del apps.all_models["videogen"]["sequel"]
        apps.clear_cache()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.label)
def test_every_column_is_archived_or_left_out(table):
    names = {each.name for each in table.model._meta.concrete_fields if not each.primary_key}
    columns = {each.name for each in table.columns if not each.primary_key}

    assert columns | table.without.keys() == names
    assert not columns & table.without.keys()
    assert not any(isinstance(f, GenericForeignKey) for f in table.model._meta.private_fields)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.label)
def test_every_relation_leads_to_an_earlier_table_or_has_a_name(table):
    """Also to the table itself; lists lead to earlier ones."""
    before = [each.model for each in TABLES[: TABLES.index(table) + 1]]
    for field in (*table.columns, *table.lists):
        if field.is_relation:
            assert field.related_model in {*before, *NAMED}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.label)
def test_every_document_was_looked_through_for_primary_keys(table):
    documents = {
        each.name for each in table.columns if isinstance(each, models.JSONField | DocumentField)
    }

    assert documents == DOCUMENTS.get(table.label, set())


def test_reasons_are_sentences():
    for reason in LEFT_OUT.values():
        assert reason.endswith(".")
