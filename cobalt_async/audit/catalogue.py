"""The rules of the audit: ids that stay, with what each means, how it can be a false alarm, and what to do."""

import difflib
from collections.abc import Mapping
from types import MappingProxyType

from attrs import frozen

from ..errors import ConfigurationError
from .alerts import Severity


@frozen
class Rule:
    """One rule: `severity` is the worst that its alerts have by default; `help` says what it means and when it errs."""

    id: str
    title: str
    severity: Severity
    help: str
    fix: str

    @staticmethod
    def find(rule_id: str) -> "Rule":
        """The rule of that id, in capitals or not; ConfigurationError with the nearest one for any other text."""
        rule = RULES.get(rule_id.strip().upper())
        if rule is None:
            raise ConfigurationError(unknown_rule(rule_id))
        return rule


CRITICAL, HIGH, MEDIUM, LOW, NOTE = Severity

_ALL = (
    Rule(
        "CT101",
        "Dead, though the inventory has it in use",
        HIGH,
        "Cobalt refused the secret twice, everywhere that was asked, while it answered others. What uses this secret "
        "fails, or somebody refreshed or revoked the token elsewhere. A credential without a status counts as in use. "
        "A false alarm where the row is a leftover, or where the token lives in a region that was not asked.",
        "Find out who refreshed or revoked it; store the new secret, or set status to retired, or take the row out.",
    ),
    Rule(
        "CT102",
        "Alive, though the inventory calls it retired",
        CRITICAL,
        "The inventory says that nobody uses this secret any more, and Cobalt still answers it. Whoever has a copy "
        "can act as its user; tokens of people who left stay alive under SAML sign-on. A false alarm where the status "
        "was set before the last user of the secret was gone.",
        "Revoke the token in Cobalt's web app, as its user; the API cannot revoke.",
    ),
    Rule(
        "CT103",
        "An old secret is alive after our own rotation of it",
        CRITICAL,
        "A rotation on record brought a new secret in the place of this one, and Cobalt documents that the old one "
        "works no longer. Either Cobalt kept both, or the rotation refreshed another token than it was meant to. "
        "Hardly ever a false alarm: a rotation that ended within the last minute may show here.",
        "Compare the token ids of the rotation with the user's list, and revoke the old token in Cobalt's web app.",
    ),
    Rule(
        "CT104",
        "Alive in another region than declared",
        MEDIUM,
        "The secret was answered by the other data centre than the inventory says. What uses it with the declared "
        "region gets 401. A false alarm where both regions' addresses lead to one server, in a test say.",
        "Correct the region in the inventory, and wherever the secret is used.",
    ),
    Rule(
        "CT105",
        "Forbidden",
        MEDIUM,
        "Cobalt answered 403: it knows the token and refuses it. Its user may have lost access or be locked, and the "
        "token is not dead: access that is given back revives it. A false alarm where a gateway writes JSON 403s.",
        "Ask an administrator of the organisation what became of the user; revoke the token where it is not needed.",
    ),
    Rule(
        "CT201",
        "Different declared owners, one user",
        HIGH,
        "Secrets that the inventory gives to different owners belong to one user of Cobalt: what one of them does is "
        "put down to the other, and one rate limit serves both. Owners are compared without regard to capitals and "
        "outer blanks. A false alarm where one person or team is spelled in two ways.",
        "Correct the owner in the inventory, or give each owner a token of a user of their own.",
    ),
    Rule(
        "CT202",
        "A user without a declared owner",
        MEDIUM,
        "No credential of this user that answered has an owner in the inventory, so nobody is asked when it leaks. "
        "Judged only where the inventory declares owners at all, and only in a run that came to its end. A false "
        "alarm where the one credential that declares the owner got no answer.",
        "Find out whose tokens these are, and fill in the owner.",
    ),
    Rule(
        "CT203",
        "The secret answers for another user than at the last audit",
        HIGH,
        "What is listed for this label has no token in common with what the baseline has for it. Somebody put another "
        "user's secret in its place; or, if it is the same secret, a proxy or gateway answers with somebody else's, "
        "for a token does not change hands. A false alarm where all tokens of the user were made anew under other "
        "names.",
        "Find out who put this secret there, and whether its user is the one that should act here; of the same "
        "secret, ask past any proxy.",
    ),
    Rule(
        "CT301",
        "A listed token that the inventory does not know",
        HIGH,
        "Cobalt lists a token for which the inventory has neither a secret nor an id: nobody watches or rotates it. "
        "It is named where every secret of its user is bound to an id by token_id; else only the numbers are known. "
        "Each living secret counts for one token, and a declared token_id counts even if its secret is dead. A false "
        "alarm where the token's secret is in the inventory and got no answer; judged only in a run that came to its "
        "end, and among users who could be seen.",
        "Find out who made it. Take it into the inventory, or revoke it in Cobalt's web app.",
    ),
    Rule(
        "CT302",
        "A token of the inventory that is no longer listed",
        MEDIUM,
        "The inventory declares a token_id that is not among the tokens of the credential's user: it was revoked, or "
        "a refresh gave it another id, or the row is wrong. Of a dead secret the user is known by the baseline, or by "
        "its owner's other secrets. A false alarm where a dead secret's owner has a second user in Cobalt.",
        "Correct token_id in the inventory, or take the row out if the token is gone.",
    ),
    Rule(
        "CT304",
        "One secret in several places",
        HIGH,
        "Several rows of the inventory hold the same secret: whoever reads one place has them all, and a rotation "
        "breaks every place that it does not write to. Seen whatever Cobalt answered. A false alarm where two rows "
        "are one place under two labels.",
        "Make a token for each place, and rotate the shared one last.",
    ),
    Rule(
        "CT305",
        "A user with a single token",
        LOW,
        "A refresh answers with the new secret once. If that answer is lost, only another living token of the same "
        "user can refresh again; without one a person has to make a new token in the web app.",
        "Have the user make a second token, to be kept for recovery alone.",
    ),
    Rule(
        "CT306",
        "More tokens than the policy allows for a user",
        MEDIUM,
        "The user has more tokens than max_tokens_per_user: each of them is a way in. Without that key in the policy "
        "nothing is raised.",
        "Revoke what is not used, or raise max_tokens_per_user.",
    ),
    Rule(
        "CT401",
        "A name that breaks the naming pattern",
        LOW,
        "The whole name of a listed token has to match name_pattern of the policy; one of more than 256 characters "
        "never does. Names can be changed in Cobalt's web app at any time. Without that key nothing is raised.",
        "Rename the token in Cobalt's web app.",
    ),
    Rule(
        "CT402",
        "Duplicate names under one user",
        MEDIUM,
        "Several tokens of one user have the same name: a person who revokes or refreshes one by its name may hit "
        "the other. Names need not be unique in Cobalt.",
        "Rename all but one in Cobalt's web app.",
    ),
    Rule(
        "CT403",
        "A name that looks like a secret, or holds an e-mail address",
        HIGH,
        "Names are shown to every token of the user, and stand in reports. High where the name holds a secret of "
        "this inventory, or text that looks like one; low where it holds an e-mail address. The name is not repeated "
        "here. A false alarm where a name holds a commit's hash or a random identifier.",
        "Rename the token in Cobalt's web app; if the name was a secret, that secret is burnt: replace it.",
    ),
    Rule(
        "CT502",
        "Past its expire_at, or close to it",
        HIGH,
        "High where expire_at has passed and a secret of that token is alive: the expiry is not enforced. Medium "
        "where it has passed and the secret is not known to be alive, or where it will pass within "
        "expires_within_days (30). Cobalt documents expire_at as not implemented.",
        "Rotate the token before it expires; revoke one that has expired.",
    ),
    Rule(
        "CT601",
        "Rotation overdue",
        MEDIUM,
        "The inventory's rotate_by has passed, or our own ledger says that the secret was issued more than "
        "rotate_after_days ago. Cobalt does not tell when a token was made, so of any other secret the age is not "
        "known. A date that had passed when the secret was issued does not count. A false alarm where a rotation was "
        "done elsewhere and rotate_by stayed.",
        "Rotate the token, or correct rotate_by.",
    ),
    Rule(
        "CT701",
        "A new token id since the baseline",
        MEDIUM,
        "A user whom the baseline knows has a token that it does not know. A false alarm where it was planned: "
        "save a new baseline then.",
        "Find out who made it, take it into the inventory, and save a new baseline.",
    ),
    Rule(
        "CT702",
        "A token id is gone since the baseline",
        MEDIUM,
        "A user who was seen both times no longer lists a token that the baseline knows: it was revoked. Tokens of "
        "users who could not be listed this time are not called gone.",
        "Find out who revoked it and what used it, and save a new baseline.",
    ),
    Rule(
        "CT703",
        "A token was renamed since the baseline",
        LOW,
        "The same id has another name than in the baseline: somebody changed it in Cobalt's web app. A "
        "false alarm where that was meant to be: save a new baseline then.",
        "Check that inventory and name agree, and save a new baseline.",
    ),
    Rule(
        "CT704",
        "Alive became dead unplanned, or dead became alive",
        CRITICAL,
        "High where a secret that was alive at the baseline is dead now, although the inventory does not call it "
        "retired and no rotation of ours explains it. Critical where one that was dead is alive: Cobalt documents no "
        "way back. A false alarm where the baseline was made through a proxy that refused everything in one region.",
        "Find out who refreshed or revoked it; of a secret that came back, revoke the token and tell Cobalt.",
    ),
    Rule(
        "CT705",
        "Same name, other id: refreshed or made again elsewhere",
        MEDIUM,
        "Since the baseline a user's token vanished and another of the same name appeared: a refresh that gave it a "
        "new id, or somebody made it again. Its old secret is dead. Raised in the place of CT701 and CT702.",
        "Find out who has the new secret, correct token_id in the inventory, and save a new baseline.",
    ),
    Rule(
        "CT901",
        "Secrets on this machine: a file that others can read, or an unfinished rotation",
        HIGH,
        "Others than its owner can read or change a file that secrets of the inventory come from; or a rotation on "
        "record has not come to its end, so that the only copy of a new secret may lie in its spool. Seen whatever "
        "Cobalt answered. A false alarm where the rotation is under way right now.",
        "chmod 600 the file, and rotate what it held if others had access; resume the rotation.",
    ),
)

RULES: Mapping[str, Rule] = MappingProxyType({rule.id: rule for rule in _ALL})
"""Every rule by its id, in order."""


def unknown_rule(rule_id: str) -> str:
    """A sentence for an id that no rule has, which does not repeat it."""
    wanted = rule_id.strip().upper()[:20]
    family = [known for known in RULES if known[:4] == wanted[:4]]
    near = family or difflib.get_close_matches(wanted, RULES, 1)
    first, *_, last = RULES
    hint = f"perhaps it is {near[0]}" if near else f"they go from {first} to {last}"
    return f"there is no such rule; {hint}, and `cobalt-async rules` lists them"
