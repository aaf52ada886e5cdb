"""The tables of Facts, the longer ones of its statements, and the declared part of a row."""

from operator import attrgetter

from ..ledger import Ledger
from .credential import Credential

SCHEMA = 1

OURS = 0x0C0BA17A  # the application_id in the header of the file
TABLES = f"""
BEGIN;
CREATE TABLE about (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE credential (
  n INTEGER PRIMARY KEY, label TEXT NOT NULL, mark BLOB NOT NULL, verdict TEXT NOT NULL, reason TEXT,
  user INTEGER, region TEXT,
  owner TEXT, system TEXT, token_id TEXT, declared_region TEXT, status TEXT, rotate_by TEXT, exposed TEXT,
  replaced_in TEXT, issued_in TEXT);
CREATE TABLE token (
  user INTEGER NOT NULL, place INTEGER NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, last_characters TEXT,
  expire_at TEXT, PRIMARY KEY (user, place)) WITHOUT ROWID;
CREATE TABLE alias (user INTEGER PRIMARY KEY, same_as INTEGER NOT NULL);
CREATE TABLE was_credential (
  label_mark BLOB PRIMARY KEY, mark BLOB NOT NULL, verdict TEXT NOT NULL, user INTEGER) WITHOUT ROWID;
CREATE TABLE was_token (id TEXT NOT NULL, user INTEGER NOT NULL, name TEXT NOT NULL);
PRAGMA application_id = {OURS};
PRAGMA user_version = {SCHEMA};
"""
"""In a transaction that whoever runs them ends."""
# After the indexes: where the baseline has only what stands in for a name, and a token has that name, it becomes the
# name again; the pattern is that of `kept_name`.
SETTLE = """
CREATE INDEX IF NOT EXISTS credential_user ON credential (user);
CREATE INDEX IF NOT EXISTS credential_mark ON credential (mark);
CREATE INDEX IF NOT EXISTS credential_token ON credential (token_id) WHERE token_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS token_id ON token (id);
CREATE INDEX IF NOT EXISTS was_credential_mark ON was_credential (mark);
CREATE UNIQUE INDEX IF NOT EXISTS was_token_id ON was_token (id);
CREATE INDEX IF NOT EXISTS was_token_user ON was_token (user);
INSERT OR IGNORE INTO unsaid SELECT kept_name(name), name FROM token
  WHERE EXISTS (SELECT 1 FROM was_token WHERE name GLOB '[[]a name that is not repeated here: *')
  AND kept_name(name) IN (SELECT name FROM was_token WHERE name GLOB '[[]a name that is not repeated here: *');
UPDATE was_token SET name = (SELECT u.name FROM unsaid AS u WHERE u.kept = was_token.name)
  WHERE EXISTS (SELECT 1 FROM unsaid) AND name IN (SELECT kept FROM unsaid);
"""
# To be asked for secrets while rows are still added; each of them is a little dearer then.
INDEX_MARKS = """
CREATE INDEX IF NOT EXISTS credential_mark ON credential (mark);
CREATE INDEX IF NOT EXISTS was_credential_mark ON was_credential (mark);
"""
# A run that goes on looks each credential up; the other indexes would only make every row dearer.
RESUME = """
CREATE INDEX IF NOT EXISTS credential_mark ON credential (mark);
DROP INDEX IF EXISTS credential_user;
DROP INDEX IF EXISTS credential_token;
DROP INDEX IF EXISTS token_id;
DELETE FROM alias;
DELETE FROM credential WHERE verdict IN ('INDETERMINATE', 'NOT_TRIED');
DELETE FROM token WHERE user NOT IN (SELECT user FROM credential WHERE verdict = 'ALIVE' AND user IS NOT NULL);
"""
COUNT = (
    "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table'"
    " AND name IN ('about', 'credential', 'token', 'alias', 'was_credential', 'was_token')"
)
NUMBER = 6
ADD = "INSERT INTO credential VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
LIST = "INSERT INTO token VALUES (?, ?, ?, ?, ?, ?)"
# For most rows: to bind a NULL, or bytes, takes sqlite3 many times as long as a text or a bytearray.
ADD_PLAIN = "INSERT INTO credential (n, label, mark, verdict, user) VALUES (?, ?, ?, ?, ?)"
LIST_PLAIN = "INSERT INTO token (user, place, id, name, last_characters) VALUES (?, ?, ?, ?, ?)"
WRITTEN_IN_BATCHES = (ADD_PLAIN, ADD, LIST_PLAIN, LIST)
KNOWN = (
    "SELECT n, verdict, region, user, owner, system, token_id, declared_region, status, rotate_by, exposed,"
    " replaced_in, issued_in FROM credential WHERE mark = ? AND label = ? AND n <= ?"
)
DECLARE = (
    "UPDATE credential SET owner = ?, system = ?, token_id = ?, declared_region = ?, status = ?, rotate_by = ?,"
    " exposed = ?, replaced_in = ?, issued_in = ? WHERE n = ?"
)
LAST_USER = (
    "SELECT MAX(COALESCE((SELECT MAX(user) FROM credential), 0), COALESCE((SELECT MAX(user) FROM token), 0),"
    " COALESCE((SELECT MAX(MAX(user, same_as)) FROM alias), 0))"
)
UNMET = """
CREATE TEMP TABLE gone (n INTEGER PRIMARY KEY);
CREATE TEMP TABLE left_over (user INTEGER PRIMARY KEY);
"""
# Of users who had a token, and none of whose credentials is left.
LEFT_OVER = (
    "INSERT INTO left_over SELECT DISTINCT user FROM credential WHERE n IN (SELECT n FROM gone)"
    " AND user IN (SELECT user FROM token) AND user NOT IN"
    " (SELECT user FROM credential WHERE user IS NOT NULL AND n NOT IN (SELECT n FROM gone))"
)
COUNT_LEFT_OVER = (
    "SELECT COUNT(*), (SELECT COUNT(*) FROM token WHERE user IN (SELECT user FROM left_over)) FROM left_over"
)
FORGET = """
DELETE FROM token WHERE user IN (SELECT user FROM left_over);
DELETE FROM credential WHERE n IN (SELECT n FROM gone);
DROP TABLE gone;
DROP TABLE left_over;
"""
LAST_PLACE = "SELECT COALESCE(MAX(place), 0) FROM token"
ROOT = (
    "WITH RECURSIVE up (user) AS (SELECT ? UNION SELECT same_as FROM alias JOIN up USING (user))"
    " SELECT user FROM up WHERE user NOT IN (SELECT user FROM alias)"
)
MERGE_CREDENTIALS = (
    "UPDATE credential SET user = (SELECT same_as FROM alias WHERE alias.user = credential.user)"
    " WHERE user IN (SELECT user FROM alias)"
)
MERGE_TOKENS = (
    "UPDATE token SET user = ?, place = place + 1 +"
    " (SELECT COALESCE(MAX(place), -1) FROM token WHERE user = ?)"
    " WHERE user = ? AND id NOT IN (SELECT id FROM token WHERE user = ?)"
)
TELL = "INSERT OR REPLACE INTO about VALUES (?, ?)"
TOKENS = "SELECT id, name, last_characters, expire_at FROM token WHERE user = ? ORDER BY place"

_UNSAID = "CREATE TEMP TABLE unsaid (kept TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID;"
_BOUNDED = "PRAGMA cache_size = -2048; PRAGMA temp_store = FILE;"  # KiB; the rest is in the system's temporary folder
PRAGMAS = f"{_BOUNDED} PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_UNSAID}"
"""For a store that nobody opens again: nothing is ever rolled back, nothing outlives the process."""
PRAGMAS_OF_A_FILE = (
    f"{_BOUNDED} PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE; PRAGMA synchronous = NORMAL; {_UNSAID}"
)
"""For a checkpoint: whole after every commit, and one process's."""

_given = attrgetter("owner", "system", "token_id", "region", "status", "rotate_by", "exposed")
_NOTHING_GIVEN = (None,) * 7
NOTHING = (*_NOTHING_GIVEN, None, None)
"""Where neither the inventory nor the ledger says anything."""


def declared(credential: Credential, ledger: Ledger) -> tuple[str | None, ...]:
    """What the inventory and the ledger say of a credential, in the order of its columns."""
    given = _given(credential)
    if given == _NOTHING_GIVEN and not ledger.records:
        return NOTHING
    *texts, rotate_by, exposed = given
    replaced = issued = None
    if ledger.records:
        replaced, issued = ledger.replaced(credential.secret), ledger.issued(credential.secret)
    return (
        *texts,
        None if rotate_by is None else rotate_by.isoformat(),
        exposed,
        None if replaced is None else replaced.rotation_id,
        None if issued is None else issued.rotation_id,
    )
