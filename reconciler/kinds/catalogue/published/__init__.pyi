from reconciler.kinds.catalogue.published.build import UNSET_ID as UNSET_ID
from reconciler.kinds.catalogue.published.build import catalogue_of_published as catalogue_of_published
from reconciler.kinds.catalogue.published.changes import SchemaChange as SchemaChange
from reconciler.kinds.catalogue.published.changes import compare_catalogues as compare_catalogues
from reconciler.kinds.catalogue.published.changes import touched as touched
from reconciler.kinds.catalogue.published.pulled import Pulled as Pulled
from reconciler.kinds.catalogue.published.pulled import read_pulled as read_pulled
from reconciler.kinds.catalogue.published.pulled import reduced as reduced
