#pragma once

#include "api/networking.h"

// Whether one match takes every request of another. "No" where it cannot be told.
namespace fairway::analyze {

bool covers(const api::HttpMatchRequest& wide, const api::HttpMatchRequest& narrow);
bool covers(const api::L4Match& wide, const api::L4Match& narrow);
// Every request.
bool isEverything(const api::HttpMatchRequest& match);
bool isEverything(const api::L4Match& match);

}  // namespace fairway::analyze
