"""What is compiled, and what advances runs with it."""


def forget() -> None:
    """Forgets the programs that this process has compiled so far, whose memory is then free."""
    from jaxac.programs import lanes_program, program

    program.compile_shared.cache_clear()
    lanes_program.compile_shared.cache_clear()
