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

using Cut = Part::Cut;

// An instruction that does several rows together goes with a chain of rows where it leaves so many blocks: four for
// each of two threads, which may be late. Where it leaves fewer, it is cut in its own way.
constexpr std::int64_t least_blocks = 8;

// Rows of a chain that go through all its instructions together: so few that what they write stays in an L2 cache of
// 512 KB, half of it (64 rows of a thousand features), and so few that each thread gets four blocks, for a thread may
// be late; but no fewer than two register tiles, as a tile of few rows has too few chains to hide the latency of fma.
// Streaming the weights once a block costs nothing that shows: 12 rows are 24 operations a weight. Rows of tiles count:
// a sample of an image makes one for each output pixel, and beside a whole image a call's beginning costs little.
constexpr std::int64_t most_rows = 64, block_bytes = 256 << 10, tasks_a_thread = 4, least_tiles = 2;

std::int64_t bytes_of_row(const Instruction& instruction) {
    std::int64_t bytes = 0;
    for (const Access& each : instruction.accesses) bytes += each.writes ? each.row_bytes : 0;
    return bytes;
}

// A dense product has a row of a tile for each sample: beside images so large that a block has fewer than four, it
// would have less than eight chains of multiply-adds, and read its weight for each of them.
constexpr std::int64_t least_samples = 4;
bool is_dense(const Instruction& each) { return each.flops > 0 && each.pixels == 1; }
bool is_image(const Instruction& each) { return each.pixels > 1; }

template <typename Items, typename Item>
bool contains(const Items& items, const Item& item) {
    return std::find(items.begin(), items.end(), item) != items.end();
}

// Whether two accesses of a chain touch the same memory cut in the same way.
bool cut_alike(const Instruction& a, const Access& first, const Instruction& b, const Access& second, Cut chain) {
    if (first.begin != second.begin || chain == Cut::alone) return false;
    if (chain == Cut::rows) return first.row_bytes == second.row_bytes && first.row_bytes > 0;
    const void* const memory = first.begin;
    return contains(a.feature_cut()->owned, memory) && contains(b.feature_cut()->owned, memory);
}

// Whether two instructions must stay in their order, being in one chain or apart (alone).
bool depend(const Instruction& a, const Instruction& b, Cut chain) {
    if (a.everywhere || b.everywhere) return false;  // each thread has done it for itself
    for (const Access& first : a.accesses) {
        for (const Access& second : b.accesses) {
            const bool overlap = first.begin < second.end && second.begin < first.end;
            if (overlap && (first.writes || second.writes) && !cut_alike(a, first, b, second, chain)) return true;
        }
    }
    return false;
}

class Scheduler {
public:
    Scheduler(const std::vector<Instruction>& instructions, std::int64_t rows)
        : instructions_(instructions), rows_(rows), placed_(instructions.size(), false) {}

    std::vector<Phase> phases() {
        std::vector<Phase> result;
        Phase first;
        for (std::size_t i = 0; i < instructions_.size(); ++i) {
            if (instructions_[i].everywhere) first.everywhere.push_back(i);
        }
        place(first.everywhere);
        fill(first);
        result.push_back(first);
        while (left_ > 0) fill(result.emplace_back());
        mark_updates(result);
        return result;
    }

private:
    Cut cut_of(const Instruction& instruction) const {
        if (instruction.feature_cut() != nullptr) return Cut::features;
        const bool rows = instruction.row_body && rows_ > 0 && instruction.rows == rows_ && !instruction.updates &&
                          (instruction.row_grain == 1 || blocks_of(rows_, instruction.row_grain) >= least_blocks);
        return rows ? Cut::rows : Cut::alone;
    }

    // A chain of features where there is one, else of rows; and beside one of features, or where there is no chain,
    // what nothing holds back.
    void fill(Phase& phase) {
        Part chain = collect(Cut::features);
        if (chain.members.empty()) chain = collect(Cut::rows);
        const bool of_rows = chain.cut == Cut::rows && !chain.members.empty();
        if (!chain.members.empty()) phase.parts.push_back(chain);
        if (!of_rows) collect_alone(phase);
        for (const Part& part : phase.parts) place(part.members);
    }

    void place(const std::vector<std::size_t>& members) {
        for (const std::size_t i : members) placed_[i] = true;
        left_ -= members.size();
    }

    // All instructions of one kind that nothing in front of them holds back; of features, as many as the first has.
    Part collect(Cut cut) const {
        Part part;
        part.cut = cut;
        if (cut == Cut::rows) part.split = {rows_, 1};
        for (std::size_t i = 0; i < instructions_.size(); ++i) {
            const Instruction& instruction = instructions_[i];
            if (placed_[i] || cut_of(instruction) != cut || !ready(i, part.members, cut)) continue;
            if (const FeatureCut* const features = instruction.feature_cut()) {
                if (part.members.empty()) part.split = features->features;
                if (!(part.split == features->features)) continue;
            }
            if (cut == Cut::rows && parts_company(part, instruction)) continue;
            if (cut == Cut::rows) part.split.grain = std::max(part.split.grain, instruction.row_grain);
            part.members.push_back(i);
            part.pixels = std::max(part.pixels, instruction.pixels);
            part.row_bytes += bytes_of_row(instruction);
        }
        return part;
    }

    bool parts_company(const Part& chain, const Instruction& next) const {
        const auto holds = [&](bool (*is)(const Instruction&)) {
            return std::any_of(chain.members.begin(), chain.members.end(),
                               [&](std::size_t i) { return is(instructions_[i]); });
        };
        const bool mixed = is_dense(next) ? holds(is_image) : is_image(next) && holds(is_dense);
        return mixed && (chain.row_bytes + bytes_of_row(next)) * least_samples > block_bytes;
    }

    void collect_alone(Phase& phase) const {
        for (std::size_t i = 0; i < instructions_.size(); ++i) {
            const Instruction& instruction = instructions_[i];
            if (placed_[i] || cut_of(instruction) != Cut::alone || !ready(i, {}, Cut::alone)) continue;
            if (!instruction.body) {
                fail("plan", instruction.name, " of ", instruction.rows,
                     " rows can only be cut by rows, and batches have ", rows_);
            }
            phase.parts.push_back({Cut::alone, {i}});
        }
    }

    // Whether nothing that is not placed yet, but for members of the same chain that lie alike, must be done before.
    bool ready(std::size_t i, const std::vector<std::size_t>& members, Cut chain) const {
        for (std::size_t j = 0; j < instructions_.size(); ++j) {
            if (placed_[j] || j == i) continue;
            if (instructions_[i].updates && instructions_[j].checks) return false;
            if (j > i) continue;
            const Cut together = contains(members, j) ? chain : Cut::alone;
            if (depend(instructions_[j], instructions_[i], together)) return false;
        }
        return true;
    }

    // In front of the first phase that changes parameters there is another.
    void mark_updates(std::vector<Phase>& phases) const {
        const auto changes = [this](const Phase& phase) {
            return std::any_of(phase.parts.begin(), phase.parts.end(), [this](const Part& part) {
                return std::any_of(part.members.begin(), part.members.end(),
                                   [this](std::size_t i) { return instructions_[i].updates; });
            });
        };
        if (changes(phases.front())) phases.insert(phases.begin(), Phase());
        const auto update = std::find_if(phases.begin(), phases.end(), changes);
        if (update != phases.end()) std::prev(update)->before_updates = true;
    }

    const std::vector<Instruction>& instructions_;
    std::int64_t rows_;
    std::vector<bool> placed_;
    std::size_t left_ = instructions_.size();
};

}  // namespace

std::int64_t row_blocks(std::int64_t rows, std::int64_t pixels, std::int64_t row_bytes, int threads) {
    if (rows < 0 || pixels < 1 || row_bytes < 0 || threads < 1)
        fail("plan", "there are no blocks of ", rows, " rows of ", pixels, " pixels for ", threads, " threads");
    const std::int64_t tiles = rows * pixels / (least_tiles * kernels<float>().rows);
    const std::int64_t rounds = std::clamp<std::int64_t>(tiles / threads, 1, tasks_a_thread);
    const std::int64_t fit = row_bytes > 0 ? block_bytes / row_bytes : most_rows;
    const std::int64_t most = std::clamp(fit, std::max<std::int64_t>(most_rows / pixels, 1), most_rows);
    return std::max(blocks_of(rows, most), std::min(rounds * threads, rows));
}

std::int64_t tasks_of(const std::vector<Instruction>& instructions, const Part& part, int threads) {
    if (part.cut == Cut::rows) {
        const std::int64_t grains = blocks_of(part.split.units, part.split.grain);
        return std::min(row_blocks(part.split.units, part.pixels, part.row_bytes, threads),
                        std::max<std::int64_t>(grains, 1));
    }
    const Instruction& first = instructions[part.members.front()];
    const Split& split = part.cut == Cut::features ? part.split : first.split;
    const std::int64_t grains = blocks_of(split.units, split.grain);
    if (part.cut == Cut::features) return std::min(grains, tasks_a_thread * threads);
    return first.tasks ? grains : std::min<std::int64_t>(grains, threads);
}

namespace {

const Body& body_of(const Instruction& instruction, Cut cut) {
    if (cut == Cut::features) return instruction.feature_cut()->body;
    return cut == Cut::rows ? instruction.row_body : instruction.body;
}

// Task number `task` of `count`.
void add_work(const std::vector<Instruction>& instructions, const Part& part, std::int64_t task, std::int64_t count,
              std::vector<Work>& work) {
    for (const std::size_t i : part.members) {
        const Split& split = part.cut == Cut::alone ? instructions[i].split : part.split;
        work.push_back({i, &body_of(instructions[i], part.cut), split.part(task, count)});
    }
}

}  // namespace

void hand_out(const std::vector<Instruction>& instructions, Phase& phase, int threads, bool backwards) {
    phase.threads = threads;
    phase.ends = {0};
    phase.work.clear();
    for (int thread = 0; thread < threads; ++thread) {
        int turn = thread;
        for (const Part& part : phase.parts) {
            // Single tasks go round, so that they do not all fall to one thread.
            const int owner = part.cut == Cut::alone ? turn : thread;
            turn = (turn + 1) % threads;
            const std::int64_t count = tasks_of(instructions, part, threads);
            const Range own = Split{count, 1}.part(owner, threads);
            for (std::int64_t place = 0; place < blocks_of(count, threads); ++place) {
                const std::int64_t task = backwards ? own.end - 1 - place : own.begin + place;
                if (own.begin <= task && task < own.end) add_work(instructions, part, task, count, phase.work);
                phase.ends.push_back(phase.work.size());
            }
        }
    }
}

std::vector<Phase> schedule(const std::vector<Instruction>& instructions, std::int64_t rows) {
    return Scheduler(instructions, rows).phases();
}

}  // namespace fastnn
