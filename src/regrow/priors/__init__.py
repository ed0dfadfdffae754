"""Priors that need no training data: a net is fitted to the one picture there is (Python interface; verbs beside)."""

from regrow.priors.deep_image import Fitted as Fitted
from regrow.priors.deep_image import Progress as Progress
from regrow.priors.deep_image import fit as fit
from regrow.priors.operators import Features as Features
from regrow.priors.operators import Lanczos as Lanczos
from regrow.priors.operators import Masked as Masked
from regrow.priors.problems import Problem as Problem
from regrow.priors.settings import Settings as Settings
