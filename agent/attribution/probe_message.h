// What passes between the agent and its loader of the kernel's half, once: the loader finds its end
// of a pair and the agent's fanotify group under fixed numbers, and answers with one message, a
// zero byte with the descriptors (the table first), or words that say why not.
#pragma once

#include <cstddef>

namespace reeve {

inline constexpr int probe_message_fd = 3;
inline constexpr int probe_group_fd = 4;
inline constexpr std::size_t probe_words_max = 512;
inline constexpr std::size_t probe_descriptors = 3;

}  // namespace reeve
