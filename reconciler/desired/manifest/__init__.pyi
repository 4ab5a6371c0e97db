from reconciler.desired.manifest.entries import TestDocument as TestDocument
from reconciler.desired.manifest.files import ManifestText as ManifestText
from reconciler.desired.manifest.files import find as find
from reconciler.desired.manifest.files import read as read
from reconciler.desired.manifest.loading import load as load
from reconciler.desired.manifest.parsing import parse as parse
from reconciler.desired.manifest.state import Desired as Desired
from reconciler.desired.manifest.state import Locator as Locator
