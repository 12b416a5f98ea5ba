#pragma once

#include <string>
#include <string_view>

namespace fairway::inspect {

// What has to change in `before` to get `after`, as unified hunks ("@@ -1,7 +1,6 @@", lines with "-", "+" and " ") with
// three lines around each change, without the two header lines. Empty if the texts are equal. Where both texts differ in
// thousands of lines, all lines from the first to the last difference are shown as replaced.
std::string unifiedDiff(std::string_view before, std::string_view after);

}  // namespace fairway::inspect
