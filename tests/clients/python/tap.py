"""Lines that tell what was tried: `ok 12 applications: list pages`, or `not ok …` with the reason."""

import sys

_count = 0
_failed = 0


def _line(good, area, what, why=""):
    global _count, _failed
    _count += 1
    _failed += not good
    reason = f" # {' '.join(str(why).split())[:600]}" if why else ""
    print(f"{'ok' if good else 'not ok'} {_count} {area}: {what}{reason}", flush=True)


def _why(error):
    inner = getattr(error, "error", None)
    if inner is not None and getattr(inner, "code", None):
        return f"{getattr(error, 'response_status_code', '')} {inner.code} {inner.message}"
    return f"{type(error).__name__} {error}"


class Area:
    """A group of steps about one thing. A step that fails is told, and the next one is tried."""

    def __init__(self, name):
        self.name = name

    async def step(self, what, run):
        try:
            made = await run()
        except Exception as error:  # whatever it is, it is told
            _line(False, self.name, what, _why(error))
            return None
        _line(True, self.name, what)
        return made


def end():
    """The last line: how many there were."""
    print(f"1..{_count}", flush=True)
    sys.exit(1 if _failed else 0)
