// threads above | How many threads this process can have: limits on memory, processes or a container's tasks are met
// where there is something to be done about it. libgomp ends the process when a thread cannot be started.
#pragma once

namespace fastnn {

// The wanted number, or fewer. Asked for more than ever before, it starts them all, and lets them go; where some could
// not be started, a quarter of the others is left out from then on: they need memory of their own, and so do others.
int threads_to_be_had(int wanted);

}  // namespace fastnn
