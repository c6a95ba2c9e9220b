"""Words from which people, companies and schools are invented.

Names are common given names and surnames put together by chance; companies live under ``.example``, which
no registry hands out (RFC 2606).
"""

from __future__ import annotations

from typing import Final


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


GIVEN: Final = _words(
    "Avery Jane John Amara Bruno Carla Dario Elena Farid Greta Hugo Ines Jonas Kira Liam Mona Nadia Omar Petra Quinn "
    "Rosa Samir Tessa Ugo Vera Wanda Xenia Yusuf Zora Jade Stella Marco Paul Ruth Tom Alice Ben Chloe David Emma"
)
SURNAMES: Final = _words(
    "Stone Smith Abbott Becker Castillo Duarte Eriksen Fontaine Grant Hoffman Ivanova Jansen Keller Lindqvist Moreau "
    "Novak Okafor Pereira Quist Rossi Silva Tanaka Ueda Vargas Weber Xu Young Zeller Barros Chandra Dlamini"
)

# One pair per habit of writing that breaks naive code: accents both composed and combining, particles, hyphens,
# apostrophes, single names, right-to-left scripts, scripts without spaces, letters outside the basic plane.
WORLD_NAMES: Final = (
    ("Zoë", "Müller-Lüdenscheidt"), ("José", "Ibáñez"), ("Jose\u0301", "Nun\u0303ez"), ("Søren", "Ørsted"),
    ("Łukasz", "Żółkiewski"), ("Nguyễn", "Thị Ánh"), ("Siân", "O'Brien"), ("Jean-Pierre", "de la Tour"),
    ("Ayşe", "Yıldız"), ("İpek", "Şahin"), ("Ana", "van der Berg"), ("Maria", "dos Santos"), ("Björk", ""),
    ("Иван", "Петров"), ("Олена", "Шевчук"), ("Γιώργος", "Παππάς"), ("Նարե", "Սարգսյան"), ("ნინო", "ბერიძე"),
    ("محمد", "العلي"), ("فاطمة", "حسن"), ("שרה", "כהן"), ("अमित", "शर्मा"), ("প্রিয়া", "দাস"), ("கவிதா", "ராஜன்"),
    ("สมชาย", "ใจดี"), ("太郎", "山田"), ("さくら", "佐藤"), ("伟", "王"), ("秀英", "李"), ("𠮷郎", "髙橋"),
    ("민준", "김"), ("서연", "이"), ("አበበ", "ቢቂላ"), ("Kealoha", "Kaʻahumanu"), ("Nomvula", "!Xóõ"),
)  # fmt: skip

PLACES: Final = (  # city, state, country, continent, ISO-3 code
    ("Lisbon", "Lisboa", "Portugal", "Europe", "PRT"),
    ("Zürich", "Zürich", "Switzerland", "Europe", "CHE"),
    ("San Francisco", "California", "United States", "North America", "USA"),
    ("Austin", "Texas", "United States", "North America", "USA"),
    ("São Paulo", "São Paulo", "Brazil", "South America", "BRA"),
    ("Lagos", "Lagos", "Nigeria", "Africa", "NGA"),
    ("Bengaluru", "Karnataka", "India", "Asia", "IND"),
    ("東京", "東京都", "Japan", "Asia", "JPN"),
    ("Kraków", "Małopolskie", "Poland", "Europe", "POL"),
    ("Wellington", "Wellington", "New Zealand", "Oceania", "NZL"),
)

COMPANY_HEADS: Final = _words(
    "Amber Basalt Cobalt Driftwood Ember Fjord Granite Harbor Indigo Juniper Kestrel Lantern Meridian Nimbus Orchard "
    "Pebble Quarry Rowan Saffron Tidal Umber Velvet Willow Yonder Zephyr"
)
COMPANY_TAILS: Final = ("Analytics", "Works", "& Söhne", "Freight", "Labs", "Energy", "Health", "Foods", "Systems", "")
COMPANY_TYPES: Final = ("Privately Held", "Public Company", "Nonprofit", "Self-Owned", "Partnership")
INDUSTRIES: Final = (
    "Software Development", "Freight and Package Transportation", "Hospitals and Health Care", "Food Production",
    "Renewable Energy", "Financial Services", "Higher Education",
)  # fmt: skip
HEADCOUNT_RANGES: Final = (
    (10, "1-10"),
    (50, "11-50"),
    (200, "51-200"),
    (500, "201-500"),
    (1000, "501-1000"),
    (90000, "10001+"),
)

TITLES: Final = (
    ("Software Engineer", "Entry Level", "Engineering"), ("Senior Data Engineer", "Senior", "Engineering"),
    ("Head of Operations", "Director", "Operations"), ("VP, Sales & Partnerships", "Vice President", "Sales"),
    ("Founder / CEO", "Owner / Partner", "Business Development"),
    ("Nurse Practitioner", "Senior", "Healthcare Services"), ("Product Designer", "Entry Level", "Arts and Design"),
    ("Chief \"Fun\" Officer", "CXO", "Human Resources"),
)  # fmt: skip
EMPLOYMENT_TYPES: Final = ("Full-time", "Part-time", "Contract", "Self-employed", "Internship")
LANGUAGES: Final = ("English", "Hindi", "Português", "Deutsch", "日本語", "Kiswahili", "Polski", "Français")
SKILLS: Final = (
    "Python", "Negotiation", "C++", "Budgeting, forecasting", "R&D", "SQL", "Public speaking", "Kubernetes",
    "Patient care", "UX", "Logistics", "Español", "Machine learning", "\"Lean\" methods",
)  # fmt: skip
SCHOOLS: Final = ("Example University", "École d'Exemple", "Instituto Exemplar", "Beispiel-Hochschule", "例大学")
DEGREES: Final = ("BSc", "Master of Arts (M.A.)", "Diplom", "PhD", "MBA")
STUDIES: Final = ("Examples", "Mechanical Engineering", "Économie, gestion", "Nursing", "Computer Science")
TOPICS: Final = ("etl", "cli", "maps", "robotics", "testing", "docs", "parsers")
CODE_LANGUAGES: Final = ("Python", "Rust", "TypeScript", "C", "Go", "R")
SENTENCES: Final = (
    "Builds examples that other people can rely on.",
    "Spent six years moving warehouses from paper to sensors; nobody misses the paper.",
    "Likes small teams, clear numbers and long walks.",
    "Believes that a good report answers the question before it is asked.",
    "Led a team of nine across three time zones.",
    "Mentors first-generation students every spring.",
    "Speaks about careful measurement, calm releases and honest maps.",
    "Grew the northern region from two customers to two hundred.",
)
HEADLINES: Final = (
    "Builder of examples", "Making freight boring again 🚚", "Data, tea & mountains", "Ask me about \"quiet\" software",
    "Operations | People | Numbers", "Line one\nLine two", "Ex-many things; now one thing", "Ingénieure; café; vélo",
)  # fmt: skip
FORMULA_HEADLINES: Final = (
    "=1+1 is what I do all day", "+1 for better meetings", "-40 degrees and still cycling", "@home with data",
    "=HYPERLINK(\"https://elsewhere.example\",\"me\")",
)  # fmt: skip
