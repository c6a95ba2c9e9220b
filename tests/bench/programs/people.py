"""The five cells of a person, by one typed parse: what both floors and nobody else do."""

from msgspec import Struct


class Basic(Struct, gc=False):
    name: str | None = None
    headline: str | None = None


class Network(Struct, gc=False):
    connections: int | None = None


class Job(Struct, gc=False):
    title: str | None = None


class Employment(Struct, gc=False):
    current: list[Job] | None = None


class Experience(Struct, gc=False):
    employment_details: Employment | None = None


class School(Struct, gc=False):
    school: str | None = None


class Education(Struct, gc=False):
    schools: list[School] | None = None


class Person(Struct, gc=False):
    basic_profile: Basic | None = None
    professional_network: Network | None = None
    experience: Experience | None = None
    education: Education | None = None


def cells_of(person: Person) -> tuple:
    """Return the cells of a person."""
    basic, network = person.basic_profile or Basic(), person.professional_network or Network()
    jobs = person.experience and person.experience.employment_details and person.experience.employment_details.current
    schools = person.education and person.education.schools
    title, school = jobs[0].title if jobs else None, schools[0].school if schools else None
    return basic.name, basic.headline, network.connections, title, school
