from reconciler.kinds import exact as exact
from reconciler.plan.diff.compare import Diff as Diff
from reconciler.plan.diff.detail import Detail as Detail
from reconciler.plan.diff.detail import details as details
from reconciler.plan.diff.pairing import pair as pair
