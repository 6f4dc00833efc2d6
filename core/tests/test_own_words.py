"""What a form says of a field that is not right is in our words, where Django would have said it in its own."""

from collections.abc import Iterator

from django import forms
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import SimpleTestCase
from django.urls import get_resolver
from django.utils.datastructures import MultiValueDict

from core.own_words import OwnWords

UNSAID = {"MonthForm", "SpecimenForm", "OwnLabels"}  # nobody is shown their errors; the last is for forms of allauth
OF_OTHERS = ("allauth.", "django.contrib.")  # whose forms, and those that we made of them, have their own words


def own_forms(of: type[forms.BaseForm] = forms.BaseForm) -> Iterator[type[forms.BaseForm]]:
    """Yield the forms of all pages, but for those of the admin and of allauth."""
    get_resolver().url_patterns  # noqa: B018 -- loads the pages, and their forms with them
    for form in of.__subclasses__():
        is_ours = form.__module__.startswith("core.") and not form.__module__.startswith(("core.admin.", "core.tests."))
        if is_ours and form is not OwnWords and not any(kind.__module__.startswith(OF_OTHERS) for kind in form.__mro__):
            yield form
        yield from own_forms(form)


class OfAllKinds(OwnWords, forms.Form):
    text = forms.CharField(max_length=3)
    whole = forms.IntegerField(min_value=2, max_value=9)
    share = forms.DecimalField(max_digits=3, decimal_places=1)
    choice = forms.ChoiceField(choices=[("a", "A")])
    file = forms.FileField(max_length=4, required=False)
    own = forms.CharField(error_messages={"required": "Say why."})


TYPED = {"text": "abc", "whole": "5", "share": "1.5", "choice": "a", "own": "x"}


class WordsTests(SimpleTestCase):
    def test_each_kind_of_mistake_is_said_in_our_words(self) -> None:
        for field, typed, said in (
            ("text", "", "This cannot be left empty."),
            ("text", "abcd", "At most 3 characters: this has 4."),
            ("text", "a\0b", "There is a character in this that cannot be kept: type it anew."),
            ("whole", "1.5", "Type a whole number, in digits."),
            ("whole", "1", "Type a number of at least 2."),
            ("whole", "10", "Type a number of at most 9."),
            ("share", "much", "Type a number, in digits."),
            ("share", "1.55", "Type at most 1 digits behind the point."),
            ("share", "555", "Type at most 2 digits before the point."),
            ("choice", "b", "Choose one of the list."),
            ("own", "", "Say why."),
        ):
            with self.subTest(field=field, typed=typed):
                self.assertEqual(OfAllKinds(TYPED | {field: typed}).errors, {field: [said]})
        self.assertTrue(OfAllKinds(TYPED).is_valid())

    def test_so_is_what_is_wrong_with_a_file(self) -> None:
        for file, said in (
            (SimpleUploadedFile("a", b""), "The file is empty: choose another one."),
            (SimpleUploadedFile("a.csv", b"x"), "The name of a file has at most 4 characters: this has 5."),
        ):
            with self.subTest(said=said):
                self.assertEqual(OfAllKinds(TYPED, MultiValueDict({"file": [file]})).errors, {"file": [said]})

    def test_djangos_own_fields_keep_their_words_for_others(self) -> None:
        OfAllKinds({}).is_valid()
        self.assertEqual(forms.CharField().error_messages["required"], "This field is required.")

    def test_every_form_of_our_own_speaks_so(self) -> None:
        ours = {form.__name__: form for form in own_forms()}
        self.assertLessEqual({"OrganizerForm", "MessageForm", "ScanForm", "SearchForm"}, ours.keys())
        self.assertEqual({name for name, form in ours.items() if not issubclass(form, OwnWords)}, UNSAID)
