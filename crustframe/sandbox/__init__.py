"""A local stand-in of the Person Enrich API: invented people, true prices, real HTTP, scripted faults.

Nothing is imported here, so that ``import crustframe`` costs no web framework; the room's door is
``crustframe.sandbox.server``.
"""
