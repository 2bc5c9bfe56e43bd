"""Random task graphs for the scheduling tests."""

from hypothesis import strategies as st

from apps.close.scheduling import Dependency, DependencyKind, Task


@st.composite
def tasks(draw):
    """Up to eight tasks without a cycle, in shuffled order."""
    count = draw(st.integers(1, 8))
    made = []
    for number in range(count):
        links = draw(
            st.lists(
                st.builds(
                    Dependency,
                    predecessor=st.integers(0, number - 1).map("t{}".format),
                    kind=st.sampled_from(DependencyKind),
                    lag_minutes=st.sampled_from([0, 0, 20, 45, 90]),
                    is_hard=st.booleans(),
                ),
                max_size=3,
            )
            if number
            else st.just([])
        )
        made.append(Task(f"t{number}", draw(st.sampled_from([0, 30, 45, 60, 240])), tuple(links)))
    return draw(st.permutations(made))
