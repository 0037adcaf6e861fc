// SPDX-License-Identifier: Apache-2.0
#include "shim/start_ticks.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

namespace tepui::shim {

uint64_t StartTicks(pid_t pid) {
  char text[1024];  // The numbers before the 22nd field are bounded, as is the name.
  snprintf(text, sizeof(text), "/proc/%d/stat", static_cast<int>(pid));
  int fd = open(text, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t size = read(fd, text, sizeof(text) - 1);
  close(fd);
  text[size > 0 ? size : 0] = '\0';
  // The name, field 2, may contain anything, but no later field contains a parenthesis.
  const char* next = strrchr(text, ')');
  for (int field = 2; next != nullptr && field < 22; ++field) next = strchr(next + 1, ' ');
  uint64_t ticks = 0;
  for (; next != nullptr && next[1] >= '0' && next[1] <= '9'; ++next) {
    ticks = ticks * 10 + static_cast<uint64_t>(next[1] - '0');
  }
  return ticks;
}

}  // namespace tepui::shim
