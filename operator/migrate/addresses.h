#pragma once

#include <string>
#include <vector>

namespace fairway::migrate {

// Whether an address is in a range such as "10.0.0.0/8"; false for what is no address or no range, and across families.
bool inRange(const std::string& address, const std::string& cidr);

// Addresses among which there is one of each kind that the ranges tell apart, of both families: the edges of the
// ranges, what lies beside them, and one of each family that is far away.
std::vector<std::string> edgeAddresses(const std::vector<std::string>& cidrs);

}  // namespace fairway::migrate
