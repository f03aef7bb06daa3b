"""One person under the several names by which a chat and the API know them."""

import pytest

from fanfold.operators.persons import Person, mistakes, person_of

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


@pytest.mark.parametrize("listed", ["anna", f" {ROLE}", "arn:aws:iam::1234:user/anna", "chat/bert", ""])
def test_what_names_no_caller_is_refused(listed: str) -> None:
    ((name, why),) = mistakes({"anna": Person(role="read", telegram="1", principals=[listed])})
    assert (name, "write ARNs" in why) == ("anna", True)
