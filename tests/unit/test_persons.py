"""One person under the several names by which a chat and the API know them."""

import pytest

from fanfold.operators.persons import Person, may_be_one, mistakes, person_of

ROLE = "arn:aws:sts::123456789012:assumed-role/Operator"


@pytest.mark.parametrize("listed", [ROLE, f"{ROLE}/anna", "arn:aws:iam::123456789012:role/desk/Operator"])
def test_a_role_is_one_person_however_the_desk_file_writes_it(listed: str) -> None:
    persons = {"anna": Person(role="resume", telegram="1", principals=[listed])}
    assert list(mistakes(persons)) == []
    assert person_of(persons, f"{ROLE}/anything") == "chat/anna"
    assert person_of(persons, f"{ROLE}Two/anna") == f"{ROLE}Two"


def test_a_role_is_not_two_persons_by_the_names_of_sessions() -> None:
    persons = {
        name: Person(role="resume", telegram=user, principals=[f"{ROLE}/{name}"])
        for name, user in (("anna", "1"), ("bert", "2"))
    }
    assert [name for name, _ in mistakes(persons)] == ["bert"]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("chat/anna", "chat/anna", True),
        ("chat/anna", "chat/bert", False),
        # Bert's role and sign-in are named, and so are none but those.
        ("chat/bert", f"{ROLE}/session", True),
        ("chat/bert", f"{ROLE}Two/session", False),
        ("chat/bert", "jwt/b", True),
        ("chat/bert", "jwt/c", False),
        ("chat/anna", f"{ROLE}/session", False),
        # Nobody says which role or sign-in is Anna's.
        ("chat/anna", f"{ROLE}Two/session", True),
        ("chat/anna", "jwt/c", True),
        # Carl has a role that is named, and perhaps a sign-in.
        ("chat/carl", f"{ROLE}Two/session", False),
        ("chat/carl", "jwt/c", True),
        ("chat/gone", "jwt/c", True),
        (f"{ROLE}Two/a", f"{ROLE}Two/b", True),
        (f"{ROLE}Two/a", f"{ROLE}Four/a", False),
        (f"{ROLE}Two/a", "jwt/c", True),
        ("jwt/c", "jwt/d", False),
    ],
)
def test_two_names_may_be_of_one_person_unless_the_desk_file_says_whose_they_are(
    first: str, second: str, same: bool
) -> None:
    persons = {
        "anna": Person(role="resume", telegram="1"),
        "bert": Person(role="resume", telegram="2", principals=[ROLE, "jwt/b"]),
        "carl": Person(role="resume", telegram="3", principals=[f"{ROLE}Three"]),
    }
    assert list(mistakes(persons)) == []
    assert may_be_one(persons, first, second) is same
    assert may_be_one(persons, second, first) is same


@pytest.mark.parametrize(
    "listed", ["anna", f" {ROLE}", "arn:aws:iam::1234:user/anna", "chat/bert", "jwt/", "jwt/a b", ""]
)
def test_what_names_no_caller_is_refused(listed: str) -> None:
    ((name, why),) = mistakes({"anna": Person(role="read", telegram="1", principals=[listed])})
    assert (name, "write ARNs" in why) == ("anna", True)
