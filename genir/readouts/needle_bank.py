"""Needles of our own: facts that no text holds, each with its question, its answer and a distractor of the same form.

No answer's content word occurs in another needle, in the question, or in the distractor, so that a word of an answer in the
output can only have come from its needle. (Tested; that a haystack does not hold the answer is checked where one is built.)
"""

from __future__ import annotations

from typing import NamedTuple


class Needle(NamedTuple):
    """A sentence to hide, the question that asks for it, and the part of the sentence that answers it.

    ``distractor`` has the form of ``sentence`` and another subject; ``distraction`` is the part of it that stands where the
    answer stands.
    """

    name: str
    sentence: str
    question: str
    answer: str
    distractor: str
    distraction: str


def needle(name: str, form: str, question: str, subject: str, answer: str, other: str, distraction: str) -> Needle:
    """A needle from the ``form`` ("The key of {subject} is {answer}.") that it shares with its distractor."""
    return Needle(
        name,
        form.format(subject=subject, answer=answer),
        question.format(subject=subject),
        answer,
        form.format(subject=other, answer=distraction),
        distraction,
    )


NEEDLES: tuple[Needle, ...] = (
    needle(
        "key",
        "The baker of {subject} hides the spare key {answer}.",
        "Where does the baker of {subject} hide the spare key?",
        "Orrinvale",
        "under a cracked blue pot beside the beehives",
        "Tessburg",
        "behind two loose bricks above the kitchen chimney",
    ),
    needle(
        "ritual",
        "Every spring the divers of {subject} celebrate by {answer}.",
        "How do the divers of {subject} celebrate every spring?",
        "Port Calmere",
        "rolling varnished barrels down the lighthouse stairs",
        "Port Ulvane",
        "burning straw horses near the misty canal",
    ),
    needle(
        "lunch",
        "The favourite lunch of Inspector {subject} is {answer}.",
        "What is the favourite lunch of Inspector {subject}?",
        "Maribeth Quill",
        "cold lentil pancakes with pickled apricots and mustard",
        "Jonas Trevelow",
        "warm rye dumplings with smoked plums and honey",
    ),
    needle(
        "engine",
        "The clockmaker {subject} built an engine that can {answer}.",
        "What can the engine that the clockmaker {subject} built do?",
        "Ferdinand Oskelly",
        "fold forty umbrellas and whistle three waltzes",
        "Ludmila Prasch",
        "peel ninety turnips and hum two lullabies",
    ),
    needle(
        "password",
        "The password of the {subject} library is {answer}.",
        "What is the password of the {subject} library?",
        "Hollowmere",
        "seven drowsy penguins juggle amber lanterns",
        "Brackenfell",
        "nine nervous camels polish silver trumpets",
    ),
    needle(
        "colour",
        "The town council of {subject} painted its bridge {answer}.",
        "How did the town council of {subject} paint its bridge?",
        "Little Wexcombe",
        "pale violet with orange stripes and tiny golden foxes",
        "Great Hadlow",
        "dark crimson with green circles and small bronze owls",
    ),
    needle(
        "cure",
        "The usual remedy of Doctor {subject} is {answer}.",
        "What is the usual remedy of Doctor {subject}?",
        "Anselm Varga",
        "frozen grapes, ginger steam and a lavender scarf",
        "Beatrix Holm",
        "chilled cherries, pepper smoke and a woollen glove",
    ),
    needle(
        "treasure",
        "The pirate {subject} buried her treasure {answer}.",
        "Where did the pirate {subject} bury her treasure?",
        "Salty Winifred",
        "inside the hollow statue facing the abandoned bakery",
        "Grim Rosalind",
        "below the crooked windmill opposite the ruined brewery",
    ),
    needle(
        "prize",
        "The winner of the {subject} race receives {answer}.",
        "What does the winner of the {subject} race receive?",
        "Dunmallow",
        "twelve tame geese and a velvet hammock",
        "Skarrow",
        "eleven wild ponies and a leather parasol",
    ),
    needle(
        "rule",
        "The headmaster of {subject} forbids his pupils to {answer}.",
        "What does the headmaster of {subject} forbid his pupils to do?",
        "Thistledown",
        "feed biscuits to the marble dragon after sunset",
        "Ravensgate",
        "throw cushions at the wooden giraffe before breakfast",
    ),
    needle(
        "gift",
        "For her birthday the ambassador of {subject} wished for {answer}.",
        "What did the ambassador of {subject} wish for on her birthday?",
        "Zephyria",
        "a copper submarine filled with peppermint tea",
        "Nordavia",
        "a crystal wheelbarrow stuffed with cinnamon bread",
    ),
    needle(
        "signal",
        "The night guard of {subject} signals danger by {answer}.",
        "How does the night guard of {subject} signal danger?",
        "Castle Emberlain",
        "ringing cowbells and waving purple pyjamas",
        "Castle Torvik",
        "beating saucepans and lifting yellow curtains",
    ),
)
