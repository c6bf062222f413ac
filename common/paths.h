// Every on-disk name of Reeve, in one place. Names are relative to the directory in the heading.
#pragma once

#include <string_view>

namespace reeve::paths {

// A file that replaces another is written beside it under this ending (disk.h, replace_file).
inline constexpr std::string_view temporary_suffix = ".new";

// A file whose content a fix replaces is written beside it as this prefix, 16 hexadecimal digits of
// its name's SHA-256, a dot, 32 random ones and temporary_suffix (file_replacement.h).
inline constexpr std::string_view replacement_prefix = ".reeve-";

// The agent's state directory (0700).
inline constexpr std::string_view identity_directory = "identity";
inline constexpr std::string_view record_key = "identity/record.key";      // the first one
inline constexpr std::string_view record_key_prefix = "identity/record-";  // + number of 8 digits
inline constexpr std::string_view record_key_suffix = ".key";
inline constexpr std::string_view successions = "identity/successions";
inline constexpr std::string_view transport_key = "identity/transport.key";
// A transport key that replaced the certificate's: the node's statement of it, and a rotation that
// is under way (agent/transport_keyring.h).
inline constexpr std::string_view transport_statement = "identity/transport";
inline constexpr std::string_view transport_key_next = "identity/transport-next.key";
inline constexpr std::string_view transport_statement_next = "identity/transport-next";
inline constexpr std::string_view transport_key_former = "identity/transport-former.key";
inline constexpr std::string_view certificate = "identity/certificate";
inline constexpr std::string_view certificate_root = "identity/root";  // that it was verified under
inline constexpr std::string_view cosigner_key = "identity/cosigner.key";    // agent/witness.h
inline constexpr std::string_view trusted_root = "trust/root";
inline constexpr std::string_view controller_contact = "trust/controller";
inline constexpr std::string_view trusted_time = "trust/time";
inline constexpr std::string_view acts = "trust/acts";
inline constexpr std::string_view owner_acts = "trust/owner-acts";
inline constexpr std::string_view policy_floor = "trust/floor";
inline constexpr std::string_view accepted_checkpoint = "trust/checkpoint";  // of the ledger
inline constexpr std::string_view cosigned = "trust/cosigned";  // the newest, by cosigner_key
inline constexpr std::string_view manifest = "policy/manifest";
inline constexpr std::string_view bundle_directory = "policy";
inline constexpr std::string_view manifest_root_prefix = "policy/root-";  // + manifest's version
inline constexpr std::string_view bundle_prefix = "policy/bundle-";       // + digest in hexadecimal
inline constexpr std::string_view journal_directory = "journal";          // STREAM-NNNNNNNN.log
inline constexpr std::string_view acknowledged = "journal/acknowledged";
inline constexpr std::string_view journal_reserve = "journal/reserve";
inline constexpr std::string_view journal_agent = "journal/agent";  // the version that wrote last
inline constexpr std::string_view undo_directory = "undo";   // what fixes replaced
inline constexpr std::string_view kept_newer = "undo/newer";
inline constexpr std::string_view kept_older = "undo/older";
inline constexpr std::string_view agent_lock = "lock";
inline constexpr std::string_view control_socket = "control.sock";
inline constexpr std::string_view courier_root = "empty";
// A state directory in the making stands beside its place under this ending.
inline constexpr std::string_view joining_suffix = ".joining";
inline constexpr std::string_view agent_state_default = "/var/lib/reeve/agent";

// The fleet directory that `reeve init` makes.
inline constexpr std::string_view fleet_keys = "keys";
inline constexpr std::string_view fleet_public = "public";
inline constexpr std::string_view fleet_controller = "controller";
inline constexpr std::string_view fleet_root_key = "keys/root.key";
inline constexpr std::string_view fleet_policy_key = "keys/policy.key";
inline constexpr std::string_view fleet_operator_key = "keys/operator.key";
inline constexpr std::string_view fleet_operator_transport_key = "keys/operator-transport.key";
inline constexpr std::string_view fleet_root = "public/root";
inline constexpr std::string_view fleet_contact = "public/controller";
inline constexpr std::string_view fleet_manifest = "public/manifest";  // the newest pushed or seen
inline constexpr std::string_view fleet_checkpoint = "public/checkpoint";  // the newest believed
inline constexpr std::string_view fleet_witnesses = "public/witnesses";    // the newest set seen
inline constexpr std::string_view fleet_known_nodes = "public/nodes";      // verified here before

// The controller's state directory (DIR/controller, carried to the server).
inline constexpr std::string_view ledger_key = "ledger.key";
inline constexpr std::string_view controller_transport_key = "transport.key";
inline constexpr std::string_view controller_root = "root";
inline constexpr std::string_view controller_store = "ledger.db";
inline constexpr std::string_view controller_lock = "lock";
inline constexpr std::string_view log_directory = "log";          // the ledger as static files
inline constexpr std::string_view log_checkpoint = "checkpoint";  // in it; tiles: log_files.h
inline constexpr std::string_view log_cosigned = "cosigned";      // the newest cosigned checkpoint
inline constexpr std::string_view controller_state_default = "/var/lib/reeve/controller";
// The names of ledger_key and controller_transport_key in a service manager's credential store.
inline constexpr std::string_view controller_credential_prefix = "reeve-controller.";

}  // namespace reeve::paths
