#include <malloc.h>

#include "cli/app.h"

int main(int argc, char** argv) {
  // Most of the threads wait for one watch each and allocate little; an arena for each of them, as is the default up to
  // eight a core, would keep what was freed in one from being used by another.
  mallopt(M_ARENA_MAX, 2);
  return fairway::cli::run(argc, argv);
}
