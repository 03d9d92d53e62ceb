from .factories import Office


def test_x(office: Office) -> None:
    r = office.signed()
    assert r.signed


def test_p(office: Office) -> None:
    a, b = office.approved_pair()
    r = office.signed(a)
    assert r.publications.count() == 3


def test_c(committed_office: Office) -> None:
    assert committed_office.signed().signed


def test_c2(committed_office: Office) -> None:
    assert committed_office.signed().signed


def test_real(office: Office, real_covers: None) -> None:
    assert office.signed().signed
