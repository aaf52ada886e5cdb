"""An HTML page as a tree, for the tests of the html report."""

from collections.abc import Iterator
from html.parser import HTMLParser

VOID = {"input", "meta"}
_ELEMENTS = """
html head meta title style script body a header div h1 h2 h3 p nav main section ul ol li strong span b code time svg
text rect label input select option button table caption thead tbody tr th td details summary footer
"""
_ATTRIBUTES = """
lang charset http-equiv content name class href id tabindex aria-labelledby aria-label role datetime data-kind data-show
data-find data-rows data-noun data-sort scope type hidden for autocomplete spellcheck placeholder value viewbox x y
width height rx
"""


class Element:
    def __init__(self, name: str, attributes: dict[str, str | None]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[Element | str] = []

    def walk(self) -> Iterator["Element"]:
        """This element, and all under it."""
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.walk()

    @property
    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    def all(self, name: str, **attributes: str) -> list["Element"]:
        """Elements of that name, with these values among their attributes."""
        wanted = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
        return [
            found
            for found in self.walk()
            if found.name == name and all(found.attributes.get(key) == value for key, value in wanted.items())
        ]

    def one(self, name: str, **attributes: str) -> "Element":
        [found] = self.all(name, **attributes)
        return found

    def section(self, place: str) -> "Element":
        """What stands under the heading with that id."""
        return self.one("section", aria_labelledby=place)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute of {tag} stands twice"
        made = Element(tag, dict(attrs))
        self.open[-1].children.append(made)
        if tag not in VOID:
            self.open.append(made)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().name == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def read(page: str) -> Element:
    """The tree of a page in which every element is closed, and all elements and attributes are known ones."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert len(reader.open) == 1, f"never closed: {[element.name for element in reader.open[1:]]}"
    tree = reader.open[0]
    strangers = [found.name for found in tree.walk() if found.name not in {"", *_ELEMENTS.split()}]
    strangers += [name for found in tree.walk() for name in found.attributes if name not in _ATTRIBUTES.split()]
    assert strangers == []
    return tree
