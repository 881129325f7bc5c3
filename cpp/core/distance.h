// threads above | How far apart the processors' cores are at this moment: what a cache line takes from one to another.
//
// Cores that share a last-level cache are 20 to 80 ns apart; others (two dies, two sockets, and virtual processors that
// lie so for the moment) 100 ns and more, and everything that threads write and others read is slower by as much. A
// benchmark that does not know in which of the two states it ran compares two machines.
#pragma once

#include <optional>

namespace fastnn {

// Nanoseconds from the first to the last of the processors that this process may use, one way; none where it has one
// alone or the system does not tell. By two threads of its own, whose affinity is no other's, in about a millisecond;
// in a tenth of a second where other processes are busy on both.
std::optional<double> core_distance();

}  // namespace fastnn
