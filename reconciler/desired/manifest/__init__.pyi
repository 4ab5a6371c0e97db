from reconciler.desired.manifest.files import ManifestText as ManifestText
from reconciler.desired.manifest.loading import load as load
from reconciler.desired.manifest.parsing import parse as parse
from reconciler.desired.manifest.state import Desired as Desired
