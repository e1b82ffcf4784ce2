# SPDX-License-Identifier: BSD-2-Clause
# What tests of libvdeplug_shmif have in common; bats loads it, behind dumpbus.

# The plug-in of this tree, and those of the system.
tree()
{
	[ -e "$BUILD/lib/vdeplug/libvdeplug_shmif.so" ] || skip 'there is no libvdeplug'
	talk=$BUILD/tests/system/vdetalk
	[ -z "${SHMIF_SAN-}" ] || skip 'sanitizers have to be loaded first'
	folder=$(dirname "$(ldconfig -p | sed -n 's/.*=> //p' |
	    grep libvdeplug_mod | head -n 1)")
	export VDEPLUGIN_PATH=$BUILD/lib/vdeplug:$folder/vdeplug
	BUS=$PWD/bus
}

