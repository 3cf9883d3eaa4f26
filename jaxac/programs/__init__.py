"""The compiled programs, and the executors that advance runs with them."""


def forget() -> None:
    """Forgets the programs that this process has compiled so far, and frees their memory."""
    from jaxac.programs import lanes_program, program

    program.compile_shared.cache_clear()
    lanes_program.compile_shared.cache_clear()
