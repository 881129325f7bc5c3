// threads above | Which columns of a layer's input are zero in a whole batch, as MNIST's margins are.
//
// A zero adds nothing to a sum of products: the forward product leaves out the columns that are zero in the rows at
// hand, the weight gradient those that are zero in all samples. The chains of the others are the same, and the + 0.0 at
// the end of each makes the signs of zeros agree, so no bits change, provided that what the zeros would be multiplied
// with is finite (kept for the weights by Derived::finite, tested for the gradients).
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/parallel.h"
#include "core/tensor_view.h"
#include "ops/zeros.h"

namespace fastnn {

class Zeros {
public:
    explicit Zeros(const TensorView& x);

    const TensorView& x() const { return x_; }

    // Whether to look for zeros in this step: only now and then where the last look found few.
    bool wanted() const { return pause_ == 0; }

    // The live columns of some rows of x, in memory for live_columns_room(x) numbers; all (null) where leaving out the
    // others does not pay. Any thread, each row once a step.
    LiveColumns find(const TensorView& some, std::int32_t* columns);

    // The same of all rows, as this thread has them in x, and in memory of its own: it looks once a step.
    LiveColumns find_all(const TensorView& x, int thread);

    // Behind a barrier, where all rows have been looked at in this step: those that are not zero in all of them; null
    // where nobody has looked, or leaving out the others does not pay. x and memory as above.
    LiveColumns known(const TensorView& x, int thread);

    // How much was left out so far: columns of forward products, times rows; inputs of panels of weight gradients.
    std::int64_t left_out() const { return left_out_; }
    std::int64_t gradients_left_out() const { return gradients_left_out_; }
    void leave_out_gradients(std::int64_t inputs) { gradients_left_out_ += inputs; }

    // Before a run: so many threads will look.
    void prepare(int threads);

    // By one thread, while the others wait: a new step begins. forget() is enough where a step was not finished.
    void end_step();
    void forget();

private:
    // What a thread knows of all rows, in which step.
    struct alignas(cache_line) Look {
        std::int64_t step = -1;
        LiveColumns live{};
        std::vector<std::int32_t> columns{};
    };

    LiveColumns collected(Look& look) const;
    void count(std::int64_t rows, std::int64_t live);

    TensorView x_;
    std::vector<Look> looks_;
    std::int64_t step_ = 0;
    std::atomic<std::int64_t> counted_{-1};          // the step whose look at all rows is in the counts
    std::vector<std::atomic<std::uint64_t>> words_;  // a bit for each column
    std::atomic<std::int64_t> rows_{0}, live_{0};    // looked at in this step, and their live columns together
    std::atomic<std::int64_t> left_out_{0}, gradients_left_out_{0};
    int pause_ = 0;  // steps until the next look
};

}  // namespace fastnn
