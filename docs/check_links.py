"""Look that every link of the built pages leads somewhere: check_links.py FOLDER."""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The links and anchors of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs) -> None:
        """Keep what a tag says."""
        found = dict(attrs)
        self.anchors |= {found.get("id") or "", found.get("name") or ""} - {""}
        self.links |= {found.get("href") or "", found.get("src") or ""} - {""}


def main(folder: Path) -> None:
    """Print what is broken; exit 1 where something is."""
    pages = {
        path.resolve(): Page(path)
        for path in folder.rglob("*.html")
        if "_static" not in path.parts
    }
    broken = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if parts.scheme in ("http", "https") and "." not in parts.netloc:
                    broken.append(f"{path}: {link} is no address")
                continue
            place = (
                (path.parent / unquote(parts.path)).resolve() if parts.path else path
            )
            anchor = unquote(parts.fragment)
            if not place.exists():
                broken.append(f"{path}: {link} leads nowhere")
            elif anchor and place in pages and anchor not in pages[place].anchors:
                broken.append(f"{path}: no anchor {link}")
    print("\n".join(broken) or f"{len(pages)} pages, every link leads somewhere")
    sys.exit(bool(broken) or not pages)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
