"""Which columns look as if they named customers: by what they are called, or by what they hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from ... import frames
from ...typing import FrameLike

#: The library's own names of columns that identify a customer.
IDENTIFIERS = ("customer_id", "customer_number")

#: Last words of a name that say "identifier" whatever comes before.
_ALWAYS = {"email", "mail", "phone", "mobile", "telephone", "iban", "ssn", "passport", "pseudonym", "uscc"}
#: Last words that say it after a word for a person or a firm, or alone.
_AFTER_A_PARTY = {"id", "ids", "no", "nr", "number", "key", "code", "uuid", "guid", "name"}
_ALONE = {"id", "ids", "uuid", "guid"}
_PARTIES = {
    *(
        "customer",
        "client",
        "account",
        "user",
        "member",
        "person",
        "patient",
        "contact",
        "household",
        "buyer",
        "company",
    ),
    *("firm", "hospital", "pharmacy", "subscriber", "policyholder", "crm", "tax", "licence", "license", "vat"),
}
#: Names of columns that hold persons' data whatever else there is.
_PERSONAL = {
    *(
        "name",
        "fullname",
        "firstname",
        "lastname",
        "surname",
        "givenname",
        "familyname",
        "username",
        "address",
        "street",
    ),
    *("uid", "user", "customer", "client", "patient", "buyer", "member", "account", "contact", "cardnumber", "cardno"),
    *("kunde", "kundenid", "kundennummer", "kundennr", "nom", "nombre", "apellido"),
}
_CHINESE = (
    "客户编号",
    "姓名",
    "住址",
    "地址",
    "客户号",
    "客户名称",
    "会员号",
    "用户编号",
    "手机",
    "电话",
    "邮箱",
    "身份证",
    "统一社会信用代码",
)

#: In any text, however long.
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}")
_PHONE = re.compile(
    r"(?=(?:[^0-9]*[0-9]){9,15}[^0-9]*$)(?:\+|\(|0[0-9])[0-9 ()./-]+|[0-9]{3}[-. ][0-9]{3}[-. ][0-9]{4}|1[3-9][0-9]{9}"
)
_PSEUDONYM = re.compile(r"[0-9a-f]{16,64}")


def identifier_of(X: FrameLike | None) -> str:
    """The column of a frame that says who a customer is; ``customer_id`` where there is none."""
    there = frames.wrap(X).collect_schema().names() if frames.is_frame(X) else []
    return next((name for name in IDENTIFIERS if name in there), IDENTIFIERS[0])


def _words_of(name: str) -> list[str]:
    """Latin words of a name such as customerId, Customer ID or CUSTOMER_ID."""
    return re.findall(r"[a-z]+", re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", unicodedata.normalize("NFKC", name)).casefold())


def named_like_identifier(name: str) -> bool:
    """Whether a column's name says that it identifies customers."""
    if name in IDENTIFIERS or any(word in name for word in _CHINESE):
        return True
    parts = _words_of(name)
    joined = "".join(parts)
    if not parts:
        return False
    if parts[-1] in _ALWAYS or joined in _ALONE or joined in {"licence", "license"}:
        return True
    if len(parts) > 1 and parts[-1] in _AFTER_A_PARTY and parts[-2] in _PARTIES:
        return True
    return any(joined == party + last for party in _PARTIES for last in _AFTER_A_PARTY)


def named_personally(name: str) -> bool:
    """Whether a column's name says that it identifies customers, or is that of their names or addresses."""
    words = _words_of(name)
    return named_like_identifier(name) or "".join(words) in _PERSONAL or words[-1:] == ["address"]


def holds_identifiers(texts: Sequence[str]) -> str | None:
    """What most of the texts of a column hold, where that identifies customers, such as e-mail addresses or phone numbers."""
    if not texts:
        return None
    for what, holds in (
        ("e-mail addresses", _EMAIL.search),
        ("pseudonyms", _PSEUDONYM.fullmatch),
        ("bank account numbers", _IBAN.fullmatch),
        ("phone numbers", _PHONE.fullmatch),
    ):
        if sum(holds(text.strip()) is not None for text in texts) * 2 > len(texts):
            return what
    return None
