#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/mailbox.h"
#include "base/result.h"
#include "storage/store.h"

namespace tepui::cli {

// Where an agent keeps what it goes on with after a restart: <work_dir>/meta/agent.db.
//
// What is damaged is refused and left as it is: the file as a whole when it is opened, a record
// when it is loaded. Not so if the agent is not `strict`. Records that do not match their checksums
// are then removed, after a copy of the store, and named in the log. A file that cannot be read as
// a whole is moved aside, to a name with the time, never deleted, and the store is an empty one.
// With that the agent is a new one, which ends what it finds running; nothing of what the file held
// could be trusted to be all.
std::function<Result<std::unique_ptr<storage::Store>>(Poster)> CheckpointStore(
    const std::string& work_dir, bool strict, std::vector<std::string>* problems);

}  // namespace tepui::cli
