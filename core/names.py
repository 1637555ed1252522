"""Two words that name a run, so that a person can speak of it."""

from __future__ import annotations

import secrets

_ADJECTIVES = """
able agile amber ample apt arctic azure bold brave breezy bright brisk calm candid civil clear clever coral cosmic
crisp daring deft dusky eager early easy fair fancy fleet fond frank fresh gentle glad golden grand hardy hazel
honest humble icy ideal jolly jovial keen kind lively loyal lucid lucky lunar merry mild misty modest neat nimble
noble polar prime proud quick quiet rapid ready robust rosy royal ruby sage sandy serene sharp silent silver sleek
smart snowy solar solid spry steady still sunny swift tidy tidal upbeat vivid warm wise witty zesty
""".split()

_ANIMALS = """
adder albatross alpaca ant badger bat bear beaver bee beetle bison boar bobcat camel caribou cat cheetah cicada
civet cobra condor cougar coyote crab crane cricket crow deer dingo dog dolphin dove duck eagle eel egret elk emu
falcon ferret finch fox frog gazelle gecko gibbon goose gull hare hawk heron horse ibex ibis iguana jackal jaguar
jay kestrel kiwi koala lark lemur lion lizard llama lynx magpie marmot marten mole moose moth newt ocelot orca
oriole osprey otter owl ox panda panther pelican pika plover puffin puma quail rabbit raven robin salmon seal shark
shrew skunk sloth snail sparrow squid stork swan tapir tern tiger toad toucan trout turtle viper vole walrus weasel
whale wolf wombat wren yak zebra
""".split()


def two_words() -> str:
    """As "brisk-otter"; some 11,160 different ones."""
    return f"{secrets.choice(_ADJECTIVES)}-{secrets.choice(_ANIMALS)}"
