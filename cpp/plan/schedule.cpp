#include "plan/schedule.h"

#include <algorithm>

#include "core/check.h"
#include "kernels/dispatch.h"

namespace fastnn {

Access access_of(const TensorView& view, bool writes) {
    const std::int64_t item = item_size(view.dtype);
    std::int64_t last = 0, last_of_row = 0;
    for (int i = 0; i < view.rank && !view.empty(); ++i) {
        last += (view.shape[i] - 1) * view.stride[i];
        if (i > 0) last_of_row += (view.shape[i] - 1) * view.stride[i];
    }
    const char* const begin = view.as<const char>();
    if (view.panels) return {begin, begin + view.storage_size() * item, 0, writes};
    if (view.empty()) return {begin, begin, 0, writes};
    const bool apart = view.rank > 0 && last_of_row < view.stride[0];
    return {begin, begin + (last + 1) * item, apart ? view.stride[0] * item : 0, writes};
}

namespace {

// Whether two instructions must stay in their order; in a chain, rows that lie alike keep it by themselves.
bool depend(const Instruction& a, const Instruction& b, bool in_chain) {
    for (const Access& first : a.accesses) {
        for (const Access& second : b.accesses) {
            const bool overlap = first.begin < second.end && second.begin < first.end;
            if (!overlap || !(first.writes || second.writes)) continue;
            const bool alike = first.begin == second.begin && first.row_bytes == second.row_bytes;
            if (!(in_chain && alike && first.row_bytes > 0)) return true;
        }
    }
    return false;
}

class Scheduler {
public:
    Scheduler(const std::vector<Instruction>& instructions, std::int64_t rows)
        : instructions_(instructions), rows_(rows), placed_(instructions.size(), false) {}

    std::vector<Phase> phases() {
        Phase first = collect(true);
        first.chain = true;
        std::vector<Phase> result{first};
        while (left_ < instructions_.size()) {
            Phase chain = collect(true);
            result.push_back(chain.members.empty() ? collect(false) : chain);
        }
        const auto updates = [this](const Phase& phase) {
            return std::any_of(phase.members.begin(), phase.members.end(),
                               [this](std::size_t i) { return instructions_[i].updates; });
        };
        const auto update = std::find_if(result.begin(), result.end(), updates);
        if (update != result.end()) std::prev(update)->before_updates = true;
        return result;
    }

private:
    bool in_chains(const Instruction& instruction) const {
        return instruction.row_body && rows_ > 0 && instruction.rows == rows_ && !instruction.updates;
    }

    // All instructions of one kind that nothing in front of them holds back.
    Phase collect(bool chain) {
        Phase phase;
        phase.chain = chain;
        for (std::size_t i = 0; i < instructions_.size(); ++i) {
            const Instruction& instruction = instructions_[i];
            if (placed_[i] || in_chains(instruction) != chain || !ready(i, phase)) continue;
            if (!chain && !instruction.body) {
                fail("plan", instruction.name, " of ", instruction.rows,
                     " rows can only be cut by rows, and batches have ", rows_);
            }
            phase.members.push_back(i);
            phase.pixels = std::max(phase.pixels, instruction.pixels);
        }
        for (const std::size_t i : phase.members) placed_[i] = true;
        left_ += phase.members.size();
        return phase;
    }

    bool ready(std::size_t i, const Phase& phase) const {
        for (std::size_t j = 0; j < i; ++j) {
            const bool here = std::find(phase.members.begin(), phase.members.end(), j) != phase.members.end();
            if (!placed_[j] && depend(instructions_[j], instructions_[i], here && phase.chain)) return false;
        }
        return true;
    }

    const std::vector<Instruction>& instructions_;
    std::int64_t rows_;
    std::vector<bool> placed_;
    std::size_t left_ = 0;
};

}  // namespace

// Rows of a chain that go through all its instructions together: so few that the activations stay in an L2 cache of
// 512 KB (64 rows of a thousand features are 256 KB), and so few that each thread gets four blocks, for a thread may be
// late; but no fewer than two register tiles, as a tile of few rows has too few chains to hide the latency of fma.
// Streaming the weights once a block costs nothing that shows: 12 rows are 24 operations a weight. Rows of tiles count:
// a sample of an image makes one for each output pixel.
constexpr std::int64_t most_rows = 64, blocks_a_thread = 4, least_tiles = 2;

std::int64_t row_blocks(std::int64_t rows, std::int64_t pixels, int threads) {
    if (rows < 0 || pixels < 1 || threads < 1)
        fail("plan", "there are no blocks of ", rows, " rows of ", pixels, " pixels for ", threads, " threads");
    const std::int64_t tiles = rows * pixels / (least_tiles * kernels<float>().rows);
    const std::int64_t rounds = std::clamp<std::int64_t>(tiles / threads, 1, blocks_a_thread);
    const std::int64_t most = std::max<std::int64_t>(most_rows / pixels, 1);
    return std::max(blocks_of(rows, most), std::min(rounds * threads, rows));
}

std::int64_t tasks_of(const Instruction& instruction, int threads) {
    const std::int64_t grains = blocks_of(instruction.split.units, instruction.split.grain);
    return instruction.tasks ? grains : std::min<std::int64_t>(grains, threads);
}

std::vector<Phase> schedule(const std::vector<Instruction>& instructions, std::int64_t rows) {
    return Scheduler(instructions, rows).phases();
}

}  // namespace fastnn
