#include "plan/source.h"

#include <algorithm>

#include "core/aligned_buffer.h"
#include "core/check.h"
#include "ops/gather.h"

namespace fastnn {

namespace {

TensorView index_view(const std::int64_t* order, std::int64_t count) {
    TensorView index;
    index.data = const_cast<std::int64_t*>(order);
    index.dtype = DType::int64;
    index.rank = 1;
    index.shape[0] = count;
    index.stride[0] = 1;
    return index;
}

// Where a step's samples are, of which these are about to be read: as many images as targets (check_source).
TensorView checked_index(const Source& source, std::int64_t step, std::int64_t batch, Range rows) {
    const TensorView index = index_view(source.order + step * batch, batch);
    check_index("plan", index, rows, source.images.shape[0]);
    return index;
}

// Some images at a time, in memory of the thread's own, before their pixels become real numbers.
void gather_augmented(const Source& source, const TensorView& index, Range rows, const TensorView& input) {
    if (rows.begin == rows.end) return;
    thread_local AlignedBuffer buffer;
    constexpr std::int64_t places[] = {0, 1, 2, 3, 4, 5, 6, 7};
    constexpr std::int64_t enough = 8, bytes = 1 << 17;  // what is prepared once a call; a small part of an L2 cache
    TensorView made = source.images;
    made.stride[0] = source.images.size() / source.images.shape[0];
    const std::int64_t most = std::clamp<std::int64_t>(bytes / std::max<std::int64_t>(1, made.stride[0]), 1, enough);
    buffer.grow(static_cast<std::size_t>(most * made.stride[0]));
    made.data = buffer.data();
    for (std::int64_t begin = rows.begin; begin < rows.end; begin += most) {
        const std::int64_t count = made.shape[0] = std::min(most, rows.end - begin);
        for (std::int64_t i = 0; i < count; ++i) {
            const std::int64_t row = index.as<std::int64_t>()[begin + i];
            augment(source.augment, source.images, row, made.rows(i, 1).as<std::uint8_t>());
        }
        gather_uint8({0, count}, made, index_view(places, count), source.mean, source.std, input.rows(begin, count));
    }
}

}  // namespace

void check_source(const Source& source, const TensorView& input, const TensorView* target) {
    const TensorView first = index_view(source.order, input.shape[0]);
    if (source.augment) augment_check("plan", source.images);
    if (source.images.dtype == DType::uint8) {
        gather_uint8_check(source.images, first, source.mean, source.std, input);
    } else {
        gather_rows_check(source.images, first, input);
    }
    if (target == nullptr) return;
    if (source.targets == nullptr)
        fail("plan", "this program needs targets of shape ", shape_text(*target), " a batch, the source has none");
    gather_rows_check(*source.targets, first, *target);
    if (source.targets->shape[0] != source.images.shape[0]) {
        fail("plan", source.images.shape[0], " images but ", source.targets->shape[0], " targets");
    }
}

void gather_batch(const Source& source, std::int64_t step, Range rows, const TensorView& input) {
    const TensorView index = checked_index(source, step, input.shape[0], rows);
    if (source.augment) {
        gather_augmented(source, index, rows, input);
    } else if (source.images.dtype == DType::uint8) {
        gather_uint8(rows, source.images, index, source.mean, source.std, input);
    } else {
        gather_rows(rows, source.images, index, input);
    }
}

void gather_targets(const Source& source, std::int64_t step, Range rows, const TensorView& target) {
    gather_rows(rows, *source.targets, checked_index(source, step, target.shape[0], rows), target);
}

void* batch_in_place(const Source& source, std::int64_t step, const TensorView& input) {
    const TensorView& images = source.images;
    const std::int64_t rows = input.shape[0];
    const std::int64_t* const order = source.order + step * rows;
    if (images.dtype != input.dtype || rows == 0 || order[0] < 0 || order[0] > images.shape[0] - rows) return nullptr;
    for (std::int64_t i = 1; i < rows; ++i) {
        if (order[i] != order[0] + i) return nullptr;
    }
    return images.rows(order[0], rows).data;
}

void Batch::prepare(const TensorView& input, int copies) {
    input_ = input.data;
    copies_.resize(static_cast<std::size_t>(copies - 1));
    for (AlignedBuffer& each : copies_) each.grow(static_cast<std::size_t>(input.size() * item_size(input.dtype)));
}

}  // namespace fastnn
