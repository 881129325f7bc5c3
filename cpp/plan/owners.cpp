#include "plan/owners.h"

#include <algorithm>

namespace fastnn {

namespace {

// An uneven share makes the others wait: so much more than an even one a thread may have, in percent. Rows of a batch
// are shared out evenly.
constexpr std::int64_t most_uneven = 115;

bool even(const Split& features, int threads) {
    const std::int64_t share = blocks_of(blocks_of(features.units, features.grain), threads) * features.grain;
    return share * threads * 100 <= features.units * most_uneven;
}

// Memory that is owned by features so far.
struct Owned {
    const void* memory;
    Split features;
};

class Chooser {
public:
    Chooser(std::vector<Instruction>& instructions, int threads) : instructions_(instructions), threads_(threads) {}

    void choose() {
        for (Instruction& each : instructions_) {
            each.features = -1;
            each.everywhere = false;
        }
        sweep([this](const FeatureCut& cut) {
            return cut.travels_by_features < cut.travels_by_samples && even(cut.features, threads_);
        });
        while (sweep([this](const FeatureCut& cut) { return meets_owned(cut); })) {
        }
        choose_gather();
    }

private:
    // Chooses the first cut of each instruction that is wanted; whether there was one.
    template <typename Wanted>
    bool sweep(const Wanted& wanted) {
        bool found = false;
        for (Instruction& each : instructions_) {
            const auto cut = std::find_if(each.feature_cuts.begin(), each.feature_cuts.end(), wanted);
            if (each.features >= 0 || cut == each.feature_cuts.end()) continue;
            each.features = static_cast<int>(cut - each.feature_cuts.begin());
            for (const void* const memory : cut->owned) owned_.push_back({memory, cut->features});
            found = true;
        }
        return found;
    }

    bool meets_owned(const FeatureCut& cut) const {
        return std::any_of(owned_.begin(), owned_.end(), [&cut](const Owned& each) {
            const bool meets = std::find(cut.owned.begin(), cut.owned.end(), each.memory) != cut.owned.end();
            return meets && each.features == cut.features;
        });
    }

    // Each thread gathers the batch for itself where a thread reads all of it, and everybody can read a copy.
    void choose_gather() {
        for (Instruction& gather : instructions_) {
            if (!gather.gathers) continue;
            const Access& batch = gather.accesses.front();
            bool whole = false, all_can = true;
            for (const Instruction& each : instructions_) {
                if (&each == &gather || !touches(each, batch)) continue;
                all_can = all_can && each.batch == batch.begin;
                whole = whole || each.features >= 0;
            }
            gather.anywhere = all_can;
            gather.everywhere = whole && all_can && threads_ > 1;
        }
    }

    static bool overlaps(const Access& a, const Access& b) { return a.begin < b.end && b.begin < a.end; }
    static bool touches(const Instruction& each, const Access& memory) {
        return std::any_of(each.accesses.begin(), each.accesses.end(),
                           [&memory](const Access& access) { return overlaps(access, memory); });
    }

    std::vector<Instruction>& instructions_;
    int threads_;
    std::vector<Owned> owned_;
};

}  // namespace

void choose_owners(std::vector<Instruction>& instructions, int threads) { Chooser(instructions, threads).choose(); }

}  // namespace fastnn
