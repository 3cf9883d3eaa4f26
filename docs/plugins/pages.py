"""Pages of the site that lie outside of docs/, and the tutorial, which is a notebook.

Links are written as they are in the repository, so that they work there too; here they become those of the site.
"""

import base64
import json
import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
MOUNTED = ("CHANGELOG.md", "CONTRIBUTING.md", "experiments/*.md", "experiments/*.py", "experiments/results/*")
"""Files that the site has under the path that they have in the repository."""
NOTEBOOK, TUTORIAL = "tutorial.ipynb", "tutorial.md"
_WITHOUT_MENU = "---\nhide: [navigation]\n---"
_LINK = re.compile(r"(\]\()([^)#\s:]+)(#[^)\s]*)?(?=[)\s])")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages from elsewhere, and the notebook as a page with its figures."""
    for pattern in MOUNTED:
        for path in sorted(ROOT.glob(pattern)):
            files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    cells = json.loads((ROOT / "docs" / NOTEBOOK).read_text())["cells"]
    for number, cell in enumerate(cells):
        for image in _drawn(cell):
            files.append(File.generated(config, _image_name(number), content=base64.b64decode(image)))
    page = [_WITHOUT_MENU, *(part for number, cell in enumerate(cells) for part in _markdown(number, cell))]
    files.append(File.generated(config, TUTORIAL, content="\n\n".join(page)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """The page with the repository's links turned into the site's."""
    del config
    source = page.file.src_uri
    folder = posixpath.dirname(source)
    in_repository = folder if (ROOT / source).exists() else posixpath.join("docs", folder)

    def translate(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(in_repository, match[2])).removeprefix("docs/")
        if target == NOTEBOOK:
            target = TUTORIAL
        if files.get_file_from_path(target) is None:
            return match[0]  # for mkdocs to complain of
        return f"{match[1]}{posixpath.relpath(target, folder or '.')}{match[3] or ''}"

    return _LINK.sub(translate, markdown)


def _markdown(number: int, cell: dict) -> list[str]:
    """A cell of the notebook as paragraphs of Markdown, with what it printed and drew."""
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return [source]
    printed = _printed(cell)
    said = [f"```text\n{printed}\n```"] if printed else []
    return [f"```python\n{source}\n```", *said, *(f"![Figure]({_image_name(number)})" for _ in _drawn(cell))]


def _printed(cell: dict) -> str:
    return "".join("".join(output.get("text", ())) for output in cell["outputs"]).rstrip()


def _drawn(cell: dict) -> list[str]:
    """The PNGs that a cell drew, in base 64: one at most."""
    outputs = [output.get("data", {}) for output in cell.get("outputs", ())]
    return ["".join(data["image/png"]) for data in outputs if "image/png" in data][:1]


def _image_name(number: int) -> str:
    return f"tutorial_{number}.png"
