"""A follower's process: it trains the run that the leader does, as the leader says, and leaves files to it."""

from typing import NoReturn

from jaxac import spec
from jaxac.config import validation
from jaxac.distributed.member import Member
from jaxac.programs import program
from jaxac.programs.executors import Pooled
from jaxac.programs.led import Follower
from jaxac.runs import together


def follow(member: Member) -> NoReturn:
    """Trains what the leader trains; the leader's end, or its loss, ends this process.

    Args:
        member: the connection to the leader.
    """
    try:
        _follow(member)
    except Exception as error:
        member.fail(error)


def _follow(member: Member) -> NoReturn:
    member.introduce(together.about())
    meeting, settings = member.meet()
    together.join(validation.resolve(settings), meeting)
    while True:
        name, arguments, content = member.call()
        if name == "train":
            config = validation.resolve(arguments[0])
            numbers = spec.make(config)
            executor = Pooled(program.compile_program(config, numbers), [numbers], [config.seed])
            follower = Follower(executor, content or None, member.fail)
        else:
            follower.obey(name, arguments)
