# ruff: noqa: E501
"""Write ``pairs.csv``: addresses, the person that came back for each, and what a careful person says about the two.

``python tests/people/data/make_pairs.py``, always with the same outcome. A pair is made from invented people: either the
person who owns the address came back, or somebody else did; `who` and `verdict` follow from that and from how
the pair was made, never from the code under test. A third of each kind is set aside (`part`), for a look at the end.
``pairs_by_hand.csv`` adds what no rule makes.

`kind` ``twin`` is a stranger whom the address fits as well as its owner (``jsmith`` for Jane and for John): whoever
accepts the right one accepts this one, too. They are counted apart.
"""

from __future__ import annotations

import csv
import random
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
COLUMNS = ("email", "name", "employers", "listed", "kind", "who", "verdict", "part")
PAIRS_PER_LANGUAGE = 2

PEOPLE = {  # given names, family names; the first letters differ within a column unless a kind needs them alike
    "English": ("James Jane Oliver Grace Henry Emma Peter Ruth", "Smith Keller Walsh Turner Brooks Ashford Doyle Hale"),
    "German": (
        "Hans Jürgen Käthe Birgit Ulrich Monika Stefan Anke",
        "Müller Weiß Köhler Brandt Schäfer Jung Vogel Roth",
    ),
    "Dutch": (
        "Jan Pieter Anneke Joris Sanne Maarten Femke Bram",
        "Visser Bakker Mulder Dekker Smit Kuiper Hoekstra Post",
    ),
    "French": (
        "Élodie Benoît Chloé François Hélène Luc Margaux Rémi",
        "Lefèvre Dubois Moreau Garnier Roux Berger Noël Petit",
    ),
    "Spanish": (
        "Lucía Álvaro Begoña Carlos Inés Javier Marta Raúl",
        "García López Núñez Ortega Ruiz Castaño Vidal Peña",
    ),
    "Portuguese": (
        "Rafael Inês João Beatriz Tiago Luísa Nuno Sofia",
        "Silva Santos Gonçalves Pereira Araújo Lopes Costa Reis",
    ),
    "Italian": (
        "Giulia Matteo Chiara Luca Elisa Paolo Sara Tommaso",
        "Rossi Bianchi Ferrari Greco Conti Moretti Villa Lombardi",
    ),
    "Polish": (
        "Łukasz Agnieszka Paweł Zofia Michał Ewa Rafał Kinga",
        "Żółkiewski Nowak Wójcik Dąbrowski Król Lis Mazur Sikora",
    ),
    "Turkish": ("Ayşe Çağlar Emre Gülşen İbrahim Leyla Oğuz Şule", "Yıldız Şahin Öztürk Kılıç Demir Aydın Çelik Polat"),
    "Danish": ("Bjørn Åse Søren Kirsten Mads Lærke Niels Freja", "Østergård Sørensen Nygaard Holm Kjær Bæk Dahl Lund"),
    "Vietnamese": ("Anh Bình Đức Hương Linh Minh Quân Thảo", "Nguyễn Trần Phạm Huỳnh Võ Đặng Bùi Lý"),
    "Arabic": (
        "Omar Layla Khalid Yasmin Tariq Nadia Hassan Samira",
        "Haddad Mansour Khoury Aziz Nasser Farouk Saleh Bishara",
    ),
}
COMPANIES = (
    ("Quillfern GmbH", "quillfern.example"),
    ("Tarnwick Ltd", "tarnwick.example"),
    ("Oakmere Foods Inc.", "oakmere-foods.example"),
    ("Velmora S.A.", "velmora.example"),
    ("Brindlow & Co", "brindlow.example"),
    ("Nordhavel A/S", "nordhavel.example"),
)
OTHERS = (("Pellworth Inc.", "pellworth.example"), ("Zandrik BV", "zandrik.example"), ("Ulmira AG", "ulmira.example"))
HOUSES = (  # name, its domain, more of its own, related ones
    (
        "Quillfern GmbH",
        "quillfern.com",
        ("quillfern.co.uk", "quillfern.de", "mail.quillfern.com"),
        ("quillfern-group.com", "getquillfern.io"),
    ),
    (
        "Tarnwick Ltd",
        "tarnwick.co.uk",
        ("tarnwick.com", "eu.tarnwick.co.uk", "tarnwick.com.au"),
        ("tarnwickholding.com", "tarnwick-labs.de"),
    ),
    (
        "Oakmere Foods Inc.",
        "oakmerefoods.com",
        ("oakmerefoods.fr", "oakmerefoods.com.br"),
        ("oakmere.com", "oakmere-foods-europe.eu"),
    ),
    ("Velmora S.A.", "vlm.es", ("vlm.com.mx", "correo.vlm.es"), ("velmora.com", "velmora-iberia.es")),
)
NICKNAMES = {
    "Robert": "bob rob bobby", "William": "bill will", "Margaret": "peggy meg", "Elizabeth": "liz beth betty", "Katherine": "kate kathy",
    "Thomas": "tom", "Richard": "rick dick", "Michael": "mike", "Edward": "ted ed", "Daniel": "dan danny", "Rebecca": "becky",
    "Anthony": "tony", "Jennifer": "jen jenny", "Charles": "chuck charlie", "Andrew": "andy drew", "Susan": "sue", "Joseph": "joe",
}  # fmt: skip
TITLES = ("Dr. {}", "Prof. {}", "{}, PhD", "{} Jr.", "{} III", "Prof. Dr. {}", "{}, MBA, PMP", "Mrs {}")
PARTICLES = ("van der Berg", "de la Cruz", "von Hagen", "da Rocha", "di Marco", "al-Rashid", "van den Broek", "Le Gall")
CYRILLIC = {
    "Иван Петров": "ivan.petrov", "Сергей Волков": "sergei.volkov", "Юлия Соколова": "yulia.sokolova", "Анна Морозова": "a.morozova",
    "Дмитрий Орлов": "dmitry.orlov", "Ольга Зайцева": "ozaitseva", "Николай Белов": "nikolay.belov", "Γιώργος Νικολάου": "giorgos.nikolaou",
    "Елена Смирнова": "elena.smirnova", "Максим Егоров": "maxim.egorov", "Ксения Лебедева": "k.lebedeva", "Артём Громов": "gromov",
}  # fmt: skip
HAN = {
    "刘伟": "liu.wei",
    "王芳": "fang.wang",
    "陈静": "jing.chen",
    "李娜": "li.na",
    "赵磊": "zhao.lei",
    "黄勇": "yhuang",
}
MIDDLES = ("Paul", "Maria", "Quentin", "Lee", "Viktor", "Ann")
SIBLINGS = (  # alike, and two people
    ("mario", "Maria"), ("daniel", "Daniela"), ("jan", "Jana"), ("julia", "Julian"), ("paul", "Paula"), ("christian", "Christina"),
    ("erin", "Aaron"), ("lisa", "Alice"), ("martin", "Martina"), ("eric", "Erica"), ("carl", "Carla"), ("jean", "Jane"),
    ("francis", "Frances"), ("oliver", "Olivia"), ("andre", "Andrea"), ("mariana", "Maria"), ("john", "Jon"), ("louis", "Louise"),
)  # fmt: skip


class Pair(NamedTuple):
    """One address and who came back for it."""

    email: str
    name: str
    employers: str
    kind: str
    who: str
    verdict: str
    listed: str = ""


def ascii_of(name: str, *, spelled_out: bool = False) -> str:
    """Return a name as its bearer writes it in an address."""
    text = name.lower()
    if spelled_out:
        for sign, letters in {"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"}.items():
            text = text.replace(sign, letters)
    for sign, letters in {
        "ß": "ss",
        "ł": "l",
        "ø": "o",
        "æ": "ae",
        "đ": "d",
        "ı": "i",
        "'": "",
        " ": "",
        "-": "",
    }.items():
        text = text.replace(sign, letters)
    return "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))


FORMATS: dict[str, Callable[[str, str], str]] = {
    "first.last": lambda g, f: f"{g}.{f}",
    "firstlast": lambda g, f: g + f,
    "flast": lambda g, f: g[0] + f,
    "f.last": lambda g, f: f"{g[0]}.{f}",
    "last.first": lambda g, f: f"{f}.{g}",
    "lastf": lambda g, f: f + g[0],
    "first_last2": lambda g, f: f"{g}_{f}2",
    "first.l": lambda g, f: f"{g}.{f[0]}",
    "last": lambda g, f: f,
    "first": lambda g, f: g,
}
WHOLE = ("first.last", "firstlast", "last.first", "first_last2")


class Maker:
    """Draws people, companies and formats from one dice."""

    def __init__(self) -> None:
        self.dice = random.Random(20261)

    def people(self, language: str, n: int) -> list[tuple[str, str]]:
        """Draw people of one language of whom no two share a name."""
        given, family = (words.split() for words in PEOPLE[language])
        return list(zip(self.dice.sample(given, n), self.dice.sample(family, n), strict=True))

    def someone(self) -> tuple[str, str]:
        return self.people(self.dice.choice(list(PEOPLE)), 1)[0]

    def company(self) -> tuple[str, str]:
        return self.dice.choice(COMPANIES)

    def handle(self, given: str, family: str, how: str | None = None) -> str:
        spelled_out = self.dice.random() < 0.5
        names = (ascii_of(name, spelled_out=spelled_out) for name in (given, family))
        return FORMATS[how or self.dice.choice(list(FORMATS))](*names)

    def at_work(self, handle: str, name: str, kind: str, who: str, verdict: str, **more: str) -> Pair:
        company, domain = self.company()
        return Pair(f"{handle}@{domain}", name, f"{company}={domain}", kind, who, verdict, **more)

    # The right person ----------------------------------------------------------------------------------------------

    def right(self) -> Iterator[Pair]:
        yield from self.formats()
        yield from self.longer_names()
        yield from self.short_names()
        yield from self.marks_and_scripts()
        yield from self.domains()

    def formats(self) -> Iterator[Pair]:
        for language in PEOPLE:
            for how in FORMATS:
                given, family = self.people(language, 1)[0]
                yield self.at_work(self.handle(given, family, how), f"{given} {family}", how, "right", "accept")

    def longer_names(self) -> Iterator[Pair]:
        for language in ("Spanish", "Portuguese") * 5:
            (given, one), (_, two) = self.people(language, 2)
            name = f"{given} {'da ' if language == 'Portuguese' else ''}{one} {two}"
            g, a, b = map(ascii_of, (given, one, two))
            for handle in self.dice.sample(
                [f"{g}.{a}", g[0] + a, f"{g}.{b}", g + a + b, f"{g[0]}.{a}{b[0]}", g[0] + b], 3
            ):
                yield self.at_work(handle, name, "two family names", "right", "accept")
        for particle in PARTICLES:
            given, _ = self.someone()
            g, joined, last = ascii_of(given), ascii_of(particle), ascii_of(particle.replace("-", " ").split()[-1])
            for handle in self.dice.sample(
                [f"{g}.{joined}", g[0] + joined, f"{g}.{last}", joined, f"{g[0]}.{last}"], 3
            ):
                yield self.at_work(handle, f"{given} {particle}", "particle", "right", "accept")
        for middle in MIDDLES:
            given, family = self.someone()
            g, m, f = map(ascii_of, (given, middle, family))
            for handle in (f"{g}.{m[0]}.{f}", g[0] + m[0] + f[0], f"{g}.{f}", g[0] + m[0] + f):
                yield self.at_work(handle, f"{given} {middle} {family}", "middle name", "right", "accept")
            yield self.at_work(f"{g}.{m[0]}.{f}", f"{given} {family}", "middle name unseen", "right", "accept")
        for n in range(6):
            (given, family), (second, other) = self.people("French" if n % 2 else "German", 2)
            g, s, f, o = map(ascii_of, (given, second, family, other))
            handle = self.dice.choice([f"{g}-{s}.{f}", f"{g[0]}{s[0]}{f}", f"{g}.{f}"])
            yield self.at_work(handle, f"{given}-{second} {family}", "hyphen", "right", "accept")
            handle = self.dice.choice([f"{g}.{f}-{o}", f"{g[0]}.{f}", f"{g}.{f}"])
            yield self.at_work(handle, f"{given} {family}-{other}", "hyphen", "right", "accept")

    def short_names(self) -> Iterator[Pair]:
        for given, nicks in NICKNAMES.items():
            _, family = self.people("English", 1)[0]
            nick, f = self.dice.choice(nicks.split()), ascii_of(family)
            yield self.at_work(f"{nick}.{f}", f"{given} {family}", "nickname", "right", "accept")
            if self.dice.random() < 0.4:
                yield self.at_work(f"{ascii_of(given)}.{f}", f"{nick.title()} {family}", "nickname", "right", "accept")
        for given in ("Robert", "Elizabeth", "William"):
            _, family = self.people("English", 1)[0]
            nick = NICKNAMES[given].split()[0]
            yield self.at_work(nick, f"{given} {family}", "nickname alone", "right", "review")
            yield self.at_work(nick[0] + ascii_of(family), f"{given} {family}", "nickname's initial", "right", "review")
        for _ in range(4):
            given, family = self.someone()
            yield self.at_work(
                ascii_of(given)[0] + ascii_of(family)[0], f"{given} {family}", "two initials", "right", "review"
            )

    def marks_and_scripts(self) -> Iterator[Pair]:
        for title in TITLES * 2:
            given, family = self.people(self.dice.choice(["English", "German"]), 1)[0]
            handle = self.handle(given, family, self.dice.choice(("first.last", "flast", "f.last")))
            yield self.at_work(handle, title.format(f"{given} {family}"), "title", "right", "accept")
        for title in ("dr.", "prof.", "dr-"):
            given, family = self.people("German", 1)[0]
            handle = title + self.handle(given, family, "first.last")
            yield self.at_work(handle, f"{given} {family}", "title", "right", "accept")
        for mark in ("{}-external", "ext.{}", "{}.contractor", "{}.ext", "external.{}", "ext-{}", "{}_extern"):
            given, family = self.someone()
            handle = mark.format(self.handle(given, family, self.dice.choice(("first.last", "flast"))))
            yield self.at_work(handle, f"{given} {family}", "outsider", "right", "accept")
        for _ in range(3):
            given, family = self.people("English", 1)[0]
            handle = f"c-{self.handle(given, family, 'first.last')}"
            yield self.at_work(handle, f"{given} {family}", "outsider c-", "right", "review")
        for name, handle in CYRILLIC.items():
            yield self.at_work(handle, name, "other alphabet", "right", "accept")
        for name, handle in HAN.items():
            yield self.at_work(handle, name, "Han", "right", "review")

    def domains(self) -> Iterator[Pair]:
        for name, domain, own, related in HOUSES:
            for other in own * 2:
                given, family = self.someone()
                email = f"{self.handle(given, family)}@{other}"
                yield Pair(email, f"{given} {family}", f"{name}={domain}", "domain of the house", "right", "accept")
            for other in related:
                given, family = self.someone()
                email = f"{self.handle(given, family, 'first.last')}@{other}"
                yield Pair(email, f"{given} {family}", f"{name}={domain}", "related domain", "right", "review")
        for n in range(8):
            (given, family), (_, born) = self.people("English", 2)
            company, domain = OTHERS[n % 3]
            email = f"{self.handle(given, born, 'first.last')}@{domain}"
            yield Pair(email, f"{given} {family}", f"{company}={domain}", "listed", "right", "accept", email)
        for _ in range(4):
            given, family = self.someone()
            (was, left), (now, domain) = self.company(), self.dice.choice(OTHERS)
            email = f"{self.handle(given, family, 'first.last')}@{left}"
            yield Pair(email, f"{given} {family}", f"{now}={domain};-{was}={left}", "left", "right", "review")

    # A stranger ----------------------------------------------------------------------------------------------------

    def strangers(self) -> Iterator[Pair]:
        yield from self.colleagues()
        yield from self.lookalikes()
        yield from self.elsewhere()

    def colleagues(self) -> Iterator[Pair]:
        """Make two people of one company; the address tells more than what they share."""
        for language in PEOPLE:
            (given, family), (other, foreign) = self.people(language, 2)
            for kind, name, formats in (
                ("same family name", f"{other} {family}", (*WHOLE, "first.l", "first")),
                ("same first name", f"{given} {foreign}", (*WHOLE, "f.last", "last", "flast", "lastf")),
                ("same company", f"{other} {foreign}", tuple(FORMATS)),
            ):
                for how in self.dice.sample(formats, PAIRS_PER_LANGUAGE):
                    yield self.at_work(self.handle(given, family, how), name, kind, "stranger", "reject")
        for one, two in (
            ("James", "Jane"),
            ("Hans", "Henry"),
            ("Matteo", "Marta"),
            ("Paolo", "Peter"),
            ("Luc", "Luca"),
        ):
            for a, b in (("Brandt", "Brooks"), ("Smith", "Sikora"), ("Costa", "Conti")):
                handle = self.handle(one, a, self.dice.choice(WHOLE))
                yield self.at_work(handle, f"{two} {b}", "same initials", "stranger", "reject")
        for one, two in (
            ("James", "Oliver"),
            ("Ruth", "Grace"),
            ("Emre", "Oğuz"),
            ("Luc", "Rémi"),
            ("Mads", "Niels"),
            ("Omar", "Tariq"),
        ):
            family = self.dice.choice(["Hale", "Lund", "Aziz", "Roux"])
            for how in ("flast", "f.last", "lastf", "first.last"):
                yield self.at_work(self.handle(one, family, how), f"{two} {family}", "brothers", "stranger", "reject")

    def lookalikes(self) -> Iterator[Pair]:
        names = list(NICKNAMES)
        for n, given in enumerate(names):
            nick, other = NICKNAMES[given].split()[0], names[(n + 7) % len(names)]
            family = self.people("English", 1)[0][1]
            handle = f"{nick}.{ascii_of(family)}"
            yield self.at_work(handle, f"{other} {family}", "nickname of another name", "stranger", "reject")
        for one, two in SIBLINGS:
            given, family = self.someone()
            yield self.at_work(
                f"{one}.{ascii_of(family)}", f"{two} {family}", "name nearly alike", "stranger", "review"
            )
        for middle in MIDDLES:
            given, family = self.people("English", 1)[0]
            g, f = ascii_of(given), ascii_of(family)
            for handle in (f"{g}.x.{f}", g[0] + "x" + f[0]):
                name = f"{given} {middle} {family}"
                yield self.at_work(handle, name, "other middle name", "stranger", "review")
            yield self.at_work(
                f"{ascii_of(middle)}.{f}", f"{given} {middle} {family}", "middle name alone", "stranger", "review"
            )
        for particle, handle in (
            ("da Silva", "d.silva"),
            ("van der Berg", "v.berg"),
            ("al-Rashid", "a.rashid"),
            ("de la Cruz", "dcruz"),
        ):
            yield self.at_work(
                handle,
                f"{self.dice.choice(['Rafael', 'Joris', 'Tiago'])} {particle}",
                "particle's initial",
                "stranger",
                "reject",
            )
        for handle, name in (
            ("glopez", "Ana García López"), ("ana.ruiz", "Ana García López"), ("luis.garcia", "Ana García López"),
            ("lgarcialopez", "Ana García López"), ("ssantos", "Rafael da Silva Santos"), ("rafael.costa", "Rafael da Silva Santos"),
            ("jpaul", "John Paul Smith"), ("amaria", "Ana Maria Pop"), ("thomas.martin", "Martin Thomas"), ("henry.james", "James Henry"),
        ):  # fmt: skip
            yield self.at_work(handle, name, "names in other places", "stranger", "review")

    def elsewhere(self) -> Iterator[Pair]:
        for _ in range(14):
            given, family = self.someone()
            (now, domain), (_, asked) = self.dice.choice(OTHERS), self.company()
            email = f"{self.handle(given, family)}@{asked}"
            yield Pair(email, f"{given} {family}", f"{now}={domain}", "same name elsewhere", "stranger", "reject")
        for name, domain, asked in (
            ("Quillfern Foods Ltd", "quillfernfoods.example", "quillfern.example"), ("Tarnwick Capital", "tarnwickcapital.com", "tarnwick.com"),
            ("Velmora Shipping", "velmora-shipping.com", "velmora.es"), ("Nordhavel Bank", "nordhavelbank.dk", "nordhavel.dk"),
            ("Oakmare Ltd", "oakmare.com", "oakmere.com"), ("Brindlows Bakery", "brindlows.com", "brindlow.com"),
        ):  # fmt: skip
            for _ in range(3):
                given, family = self.someone()
                email = f"{self.handle(given, family, 'first.last')}@{asked}"
                yield Pair(email, f"{given} {family}", f"{name}={domain}", "similar company", "stranger", "review")

    def twins(self) -> Iterator[Pair]:
        for one, two, family in (("James", "Jane", "Smith"), ("Hans", "Henry", "Roth"), ("Omar", "Oliver", "Aziz")):
            for how in ("flast", "f.last", "lastf", "last"):
                yield self.at_work(self.handle(one, family, how), f"{two} {family}", "twin", "stranger", "accept")
        for given, family, other in (
            ("Jane", "Smith", "Keller"),
            ("Luca", "Rossi", "Conti"),
            ("Emma", "Hale", "Doyle"),
        ):
            yield self.at_work(self.handle(given, family, "first"), f"{given} {other}", "twin", "stranger", "accept")


def by_hand() -> Iterator[Pair]:
    """Read what no rule makes."""
    with (HERE / "pairs_by_hand.csv").open(encoding="utf-8", newline="") as file:
        yield from (Pair(**row) for row in csv.DictReader(file))


def rows() -> Iterator[tuple[str, ...]]:
    """Yield the rows of the file, without its head; every third pair of a kind is set aside."""
    maker = Maker()
    pairs = dict.fromkeys([*maker.right(), *maker.strangers(), *maker.twins(), *by_hand()])
    seen: Counter[str] = Counter()
    for pair in pairs:
        part = "aside" if seen[pair.kind] % 3 == 2 else "open"
        seen[pair.kind] += 1
        yield pair.email, pair.name, pair.employers, pair.listed, pair.kind, pair.who, pair.verdict, part


def main() -> None:
    """Write the file."""
    with (HERE / "pairs.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows()])


if __name__ == "__main__":
    main()
