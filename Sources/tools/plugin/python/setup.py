# Tags the wheel py3-none-<this platform>: any Python 3, but only the platform of the libripe.so that it
# carries.
from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel


class PlatformWheel(bdist_wheel):
    """A wheel with a shared library in it, but without compiled Python code."""

    def get_tag(self):
        return ("py3", "none", super().get_tag()[2])


class PlatformDistribution(Distribution):
    """Installs into platlib, where shared libraries belong."""

    def has_ext_modules(self):
        return True


setup(distclass=PlatformDistribution, cmdclass={"bdist_wheel": PlatformWheel})
