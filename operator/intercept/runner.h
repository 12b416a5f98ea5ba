#pragma once

#include <string>

#include "base/result.h"
#include "intercept/options.h"

// Puts the rules into the kernel: of this network namespace, or of the one that joinNamespace() entered.
namespace fairway::intercept {

// Intercepts IPv4 and, if the namespace has IPv6, that too. Idempotent. Rules of others are kept and named in the log.
// Errors say what is missing (the capability, the kernel's module, the program) and what to do. Each family is all or
// nothing: a failure leaves its table as it was.
Result<void> apply(const InterceptOptions& options);

// Takes away what apply() added, by whatever options; nothing there is no error.
Result<void> remove();

// What apply() would do in a namespace without rules, for people to read. Looks at nothing, needs no rights.
std::string describe(const InterceptOptions& options);

// Moves the calling thread into the network namespace at the path (/var/run/netns/..., /proc/<pid>/ns/net). To be
// called before other threads exist. Needs CAP_SYS_ADMIN.
Result<void> joinNamespace(const std::string& path);

// Why an iptables program failed, by its exit and what it wrote: one line that says what to do.
std::string explain(const std::string& program, int status, const std::string& errors);

}  // namespace fairway::intercept
