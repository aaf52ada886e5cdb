"""Words for a believable organisation: people, machines, and what they call their tokens."""

from typing import Final

FIRST_NAMES: Final = (
    "Ada", "Amina", "Anders", "André", "Beatriz", "Chen", "Chloé", "Daniel", "Deepa", "Elif", "Fatima",
    "Freya", "Grace", "Hannah", "Hiro", "Ines", "Ivan", "Jamal", "José", "Katarzyna", "Kofi", "Lena", "Liam",
    "Magnus", "Mei", "Miguel", "Nadia", "Noah", "Olga", "Oscar", "Priya", "Quentin", "Rosa", "Samir", "Søren",
    "Tomás", "Uma", "Viktor", "Wanda", "Yusuf", "Zoë",
)  # fmt: skip
LAST_NAMES: Final = (
    "Adeyemi", "Andersson", "Bauer", "Brown", "Castillo", "Chen", "Costa", "Dubois", "Evans", "Ferrari",
    "García", "Haddad", "Hansen", "Ito", "Jansen", "Kaya", "Khan", "Kim", "Lindqvist", "Lovelace",
    "Martin", "Mbeki", "Müller", "Nakamura", "Novak", "O'Neill", "Okafor", "Patel", "Quinn", "Rossi",
    "Sato", "Schmidt", "Silva", "Smith", "Tanaka", "Ueda", "Varga", "Wójcik", "Yilmaz",
)  # fmt: skip
PURPOSES: Final = (
    "jira sync", "ci pipeline", "findings export", "slack notifier", "laptop", "grafana", "nightly report",
    "terraform", "splunk feed", "postman", "asset import", "backup", "local dev", "sso migration",
)  # fmt: skip
DULL_NAMES: Final = ("test", "my token", "token", "new", "api", "Lorem ipsum", "do not delete")
"""What people call a token without a thought: many users have the same, and some have it twice."""
