#include "io/counters.h"

namespace caisson::io {

std::string_view to_string(Call call) {
  switch (call) {
    case Call::kOpen:
      return "open";
    case Call::kRead:
      return "read";
    case Call::kWrite:
      return "write";
    case Call::kWriteAndSync:
      return "write_and_sync";
    case Call::kSyncData:
      return "sync_data";
    case Call::kSyncAll:
      return "sync_all";
    case Call::kSyncDirectory:
      return "sync_directory";
    case Call::kAllocate:
      return "allocate";
    case Call::kTruncate:
      return "truncate";
    case Call::kSize:
      return "size";
    case Call::kIdentity:
      return "identity";
    case Call::kLock:
      return "lock";
    case Call::kUnlock:
      return "unlock";
    case Call::kFindLock:
      return "find_lock";
    case Call::kAdvise:
      return "advise";
    case Call::kMap:
      return "map";
    case Call::kPopulate:
      return "populate";
    case Call::kLockMemory:
      return "lock_memory";
    case Call::kRename:
      return "rename";
    case Call::kUnlink:
      return "unlink";
    case Call::kMakeDirectory:
      return "make_directory";
    case Call::kList:
      return "list";
    case Call::kStatFileSystem:
      return "stat_file_system";
    case Call::kRandom:
      return "random";
  }
  return "unknown";
}

}  // namespace caisson::io
