"""The ops in plain NumPy: one file a room, forward beside backward.

The oracle of the project, with three uses: expected values in the tests (called with wider arrays than the op
under test works in), a definition of each op that can be read in a minute, and the benchmarks' baseline
(float32). Every function works in the precision of its inputs and has the name and the arguments of its twin
in ``fastnn._core``; where the core needs no function of its own for a backward (``exp``, ``log``, ...), it is
here all the same, beside its forward.

Letters in shapes: N samples, I inputs, O outputs, C classes, M rows, K reduction length. Nothing here takes
part in a run of fastnn: NumPy's own bits differ between CPUs.
"""
