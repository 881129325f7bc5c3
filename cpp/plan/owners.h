// threads above | Whether samples or features of a layer are owned by threads, and who gathers the batch.
//
// What one core writes and another reads travels: a line of cache goes from one to the other, and a store to a line
// that the other still holds waits until it is taken away. In a step of a dense layer (N samples, I inputs, O outputs)
// by
//
//   samples   travel: the weight, which all read and owners update, I O; x and the gradient, by rows in forward and
//             whole in the update, N I + N O
//   features  travel: x, as far as it was made by others, N I; y, to those who read it, and the next layer's gradient,
//             about 2 N O
//
// so features are owned where N < I, and where the panels of outputs can be shared out evenly. What else touches the
// same activations follows. The choice changes no bits: whoever does it, an element is computed as a whole.
#pragma once

#include <vector>

#include "plan/schedule.h"

namespace fastnn {

// Sets `features` and `everywhere` of the instructions, for a team of so many threads.
void choose_owners(std::vector<Instruction>& instructions, int threads);

}  // namespace fastnn
