"""ConSelf: code language models that improve themselves without a teacher and without a test oracle."""

import logging

__version__ = "0.1.0"

# Where it is installed, peft imports it with every start, and it tells of kernels that nothing here asks for.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
