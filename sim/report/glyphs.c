/*
 * How wide a text is: so that names beside marks neither touch them nor end at the edge.
 *
 * Mean widths of letters err by a third for short names ("30m", "ill"). The advances are those of DejaVu
 * Sans, which the scripts ask for first; the faces that stand in for it (Helvetica, Arial) are narrower.
 */
#include "drawing.h"

#define EM    17.0  /* pixels: the font size of the scripts */
#define OTHER 0.650 /* em: what is no ASCII, such as accented letters */

/* In thousandths of an em, from the blank on. */
static const uint16_t advance[] = {
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361,  318, 337, 636, 636, 636,
    636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632,
    575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635,  611, 732, 684, 989, 685,
    611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352,  635, 634, 278, 278, 579,
    278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592,  525, 636, 337, 636, 838,
};

double np_text_pixels(const char *text)
{
    double em = 0;
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c >= ' ' && *c < 0x7f)
            em += advance[*c - ' '] / 1000.0;
        else if ((*c & 0xC0) != 0x80)
            em += OTHER;
    }
    return EM * em;
}
